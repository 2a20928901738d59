package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks at everything when the agent is opened and at every tick. */
final class Reconciler {
  private static final Logger LOG = LoggerFactory.getLogger(Reconciler.class);
  private static final Inspection.Look FAILED =
      new Inspection.Look(Inspection.Outcome.UNKNOWN, "looking failed");

  private final Ledger ledger;
  private final Map<String, Driver<?, ?>> drivers;
  private final Duration interval;
  private final Scheduler scheduler;
  private final CompletableFuture<Recovery> recovered = new CompletableFuture<>();
  private volatile Optional<Inspection> inspection = Optional.empty();
  private volatile Optional<Engine> engine = Optional.empty();
  private volatile boolean closed;

  private final Set<Reference> ticked = ConcurrentHashMap.newKeySet();

  // The first pass; guarded by this object's monitor.
  private final Map<Reference, Inspection.Look> looks = new HashMap<>();
  private final Map<Reference, ResourceId> ids = new HashMap<>();
  private final Set<Reference> wereReady = new LinkedHashSet<>();
  private int pending;
  private Optional<Runnable> report = Optional.empty();

  Reconciler(
      Ledger ledger, Map<String, Driver<?, ?>> drivers, Duration interval, Scheduler scheduler) {
    this.ledger = ledger;
    this.drivers = drivers;
    this.interval = interval;
    this.scheduler = scheduler;
  }

  void start(Engine started, Inspection looking, List<String> quarantined) {
    engine = Optional.of(started);
    inspection = Optional.of(looking);
    List<Intent> all = ledger.all();
    synchronized (this) {
      all.forEach(intent -> {
        ids.put(intent.id().reference(), intent.id());
        if (intent.phase() == Phase.READY) {
          wereReady.add(intent.id().reference());
        }
      });
    }
    all.forEach(intent -> wake(intent.id().reference()));
    scheduler.execute(() -> {
      Map<String, String> unseen = new HashMap<>();
      Set<ResourceId> orphans = orphans(unseen);
      synchronized (this) {
        report = Optional.of(() -> report(unseen, orphans, quarantined));
      }
      finishPass();
    });
    tickLater();
  }

  private void tickLater() {
    scheduler.later(interval, () -> {
      try {
        tickOnce();
      } finally {
        if (!closed) {
          tickLater();
        }
      }
    });
  }

  @SuppressWarnings("IllegalCatch") // one tick that fails is not the last one
  private void tickOnce() {
    try {
      tick();
    } catch (RuntimeException | LinkageError e) {
      LOG.warn("tick failed, the next one comes", e);
    }
  }

  /** Looks at a resource soon; the first pass waits for it. */
  void wake(Reference reference) {
    synchronized (this) {
      pending++;
    }
    lookSoon(reference);
  }

  private void lookSoon(Reference reference) {
    execute(() -> lookInTurn(reference), this::finishLook);
  }

  private void lookInTurn(Reference reference) {
    Optional<Inspection.Look> look = Optional.of(FAILED);
    try {
      look = inspection.orElseThrow().lookInTurn(reference, () -> lookSoon(reference));
    } finally {
      if (look.isPresent()) {
        note(reference, look.get());
        finishLook();
      }
    }
  }

  /** Looks at everything that is not resting after a failure and not about to be looked at. */
  void tick() {
    engine.ifPresent(Engine::forgetIdleLanes);
    for (Intent intent : ledger.all()) {
      Reference reference = intent.id().reference();
      if (!rests(reference) && ticked.add(reference)) {
        execute(
            () -> {
              ticked.remove(reference);
              look(reference);
            },
            () -> ticked.remove(reference));
      }
    }
  }

  private boolean rests(Reference reference) {
    return engine
        .filter(started -> !started.lane(reference).rest(scheduler.nanoTime()).isZero())
        .isPresent();
  }

  private void execute(Runnable body, Runnable otherwise) {
    boolean taken = false;
    try {
      scheduler.execute(body);
      taken = true;
    } catch (RejectedExecutionException e) {
      LOG.debug("not looked, the agent is closing");
    } finally {
      if (!taken) {
        otherwise.run();
      }
    }
  }

  private void look(Reference reference) {
    Inspection.Look look = FAILED;
    try {
      look = inspection.map(looking -> looking.look(reference)).orElse(look);
    } finally {
      note(reference, look);
    }
  }

  private synchronized void note(Reference reference, Inspection.Look look) {
    if (recovered.isDone()) {
      return;
    }
    Inspection.Look earlier = looks.get(reference);
    boolean says = earlier == null || earlier.outcome() != Inspection.Outcome.WORKED;
    if (says && (earlier == null || look.outcome() != Inspection.Outcome.SKIPPED)) {
      looks.put(reference, look);
    }
  }

  private void finishLook() {
    synchronized (this) {
      pending--;
    }
    finishPass();
  }

  private void finishPass() {
    Optional<Runnable> last = Optional.empty();
    synchronized (this) {
      if (pending == 0) {
        last = report;
        report = Optional.empty();
      }
    }
    last.ifPresent(Runnable::run);
  }

  @SuppressWarnings("IllegalCatch") // a broken driver must not keep the report back
  private Set<ResourceId> orphans(Map<String, String> unseen) {
    Set<ResourceId> found = new LinkedHashSet<>();
    for (Driver<?, ?> driver : drivers.values()) {
      try {
        for (ResourceId id : driver.list()) {
          if (ledger.find(id.reference()).filter(known -> known.id().equals(id)).isEmpty()) {
            found.add(id);
          }
        }
      } catch (RuntimeException | LinkageError e) {
        unseen.put("driver of " + driver.describe().kind(), e.toString());
      }
    }
    return found;
  }

  private void report(
      Map<String, String> unseen, Set<ResourceId> orphans, List<String> quarantined) {
    Set<ResourceId> adopted = new LinkedHashSet<>();
    Set<ResourceId> resumed = new LinkedHashSet<>();
    synchronized (this) {
      ids.forEach((reference, id) -> {
        Inspection.Look look =
            looks.getOrDefault(reference, new Inspection.Look(Inspection.Outcome.SKIPPED, ""));
        switch (look.outcome()) {
          case FINE -> {
            if (wereReady.contains(reference)) {
              adopted.add(id);
            }
          }
          case WORKED -> resumed.add(id);
          case UNKNOWN, SKIPPED -> unseen.put(reference.toString(), look.why());
        }
      });
    }
    List<Indeterminate> indeterminate = ledger.indeterminate();
    Recovery recovery = new Recovery(adopted, resumed, unseen, orphans, quarantined, indeterminate);
    LOG.info(
        "recovered: {} adopted, {} resumed, {} unknown, {} orphans, {} damaged records, {} indeterminate",
        adopted.size(),
        resumed.size(),
        recovery.unknown().size(),
        orphans.size(),
        quarantined.size(),
        indeterminate.size());
    recovered.complete(recovery);
  }

  Recovery recovery(Duration limit) {
    try {
      return scheduler.await(recovered, limit);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("wait for recovery", e);
    } catch (TimeoutException e) {
      throw new OperationTimeoutException("wait for recovery", limit);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof N0Exception failure) {
        throw failure;
      }
      throw new N0Exception(N0Exception.Code.INTERNAL, "recovery", "recovery: " + e.getCause(), e);
    }
  }

  void close() {
    closed = true;
    scheduler.close();
    engine.ifPresent(Engine::abandon);
    recovered.completeExceptionally(new N0Exception(
        N0Exception.Code.PRECONDITION, "agent", "wait for recovery: the agent is closed"));
  }
}
