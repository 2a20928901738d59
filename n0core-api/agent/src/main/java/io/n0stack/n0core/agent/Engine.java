package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.Store;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs operations: one at a time per resource, the intent durable before each effect. */
final class Engine {
  static final String APPLY = "apply";
  static final String DELETE = "delete";
  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
  private static final Set<Code> FINAL =
      Set.of(Code.INVALID, Code.UNSUPPORTED, Code.ALREADY_EXISTS, Code.PERMISSION);

  private final Host host;
  private final Ledger ledger;
  private final AgentOptions options;
  private final ExecutorService workers;
  private final Consumer<Reference> wake;
  private final Map<Reference, Lane> lanes = new ConcurrentHashMap<>();
  private volatile boolean closing;

  Engine(
      Host host,
      Ledger ledger,
      AgentOptions options,
      ExecutorService workers,
      Consumer<Reference> wake) {
    this.host = host;
    this.ledger = ledger;
    this.options = options;
    this.workers = workers;
    this.wake = wake;
  }

  Lane lane(Reference reference) {
    return lanes.computeIfAbsent(reference, r -> new Lane());
  }

  /** Stops taking work and wakes what is running; records stay as they are, to be gone on with. */
  void close() {
    closing = true;
    lanes.values().forEach(lane -> {
      synchronized (lane) {
        lane.current().ifPresent(operation -> operation.cancel("the agent is closing"));
      }
    });
  }

  /** Accepts a spec: its intent is durable when this returns. */
  Operation<ResourceId> apply(Reference reference, Spec spec, OnFailure onFailure) {
    return submit(reference, APPLY, spec, () -> intend(reference, spec, onFailure), this::realise);
  }

  /** Writes down what is wanted without beginning it. */
  void prepare(Reference reference, Spec spec, OnFailure onFailure) {
    note(reference, APPLY, spec, () -> intend(reference, spec, onFailure));
  }

  private ResourceId intend(Reference reference, Spec spec, OnFailure onFailure) {
    host.requireType(reference, spec);
    Optional<Intent> now = ledger.find(reference);
    if (now.isEmpty()) {
      ResourceId id = ResourceId.fresh(reference.kind(), reference.name());
      return record(new Intent(id, spec, 1, Phase.APPLYING, onFailure, false, "", Store.NONE))
          .id();
    }
    Intent known = now.get();
    if (known.leaving()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          "apply " + reference + ": it is being deleted; wait until it is gone");
    }
    if (!known.spec().equals(spec)) {
      record(known.asking(spec, onFailure));
    } else if (known.phase() == Phase.FAILED) {
      record(known.in(Phase.APPLYING, ""));
    }
    return known.id();
  }

  /** Takes something under its own uid on record; it existed before, so it is never rolled back. */
  Operation<ResourceId> adopt(ResourceId orphan, Spec spec) {
    Reference reference = orphan.reference();
    host.requireType(reference, spec);
    return submit(
        reference,
        "adopt",
        spec,
        () -> {
          if (ledger.find(reference).isPresent()) {
            throw new N0Exception(
                Code.ALREADY_EXISTS,
                reference.toString(),
                "adopt " + reference + ": another one of that name is on record");
          }
          return record(new Intent(
                  orphan, spec, 1, Phase.APPLYING, OnFailure.RETRY, true, "", Store.NONE))
              .id();
        },
        this::realise);
  }

  /** Deletes something that is not on record, under a note in the journal. */
  Operation<ResourceId> reap(ResourceId orphan) {
    return submit(orphan.reference(), "reap", orphan, () -> orphan, (id, running) -> {
      Runnable takeBack = ledger.journal(running.operation());
      deleteAndProve(id, running);
      takeBack.run();
      return id;
    });
  }

  /** Accepts a deletion: its intent is durable when this returns. */
  Operation<ResourceId> delete(Reference reference) {
    host.driver(reference.kind());
    return submit(
        reference, DELETE, DELETE, () -> intendDeletion(reference, Set.of()), this::remove);
  }

  /** Writes down that a resource is to go; {@code along} are those that go before it. */
  void prepareDeletion(Reference reference, Set<Reference> along) {
    note(reference, DELETE, DELETE, () -> intendDeletion(reference, along));
  }

  private ResourceId intendDeletion(Reference reference, Set<Reference> along) {
    requireDeletable(reference, along);
    Intent known = ledger.find(reference).orElseThrow(() -> notFound(DELETE, reference));
    if (known.phase() != Phase.DELETING) {
      record(known.in(Phase.DELETING, ""));
    }
    return known.id();
  }

  void requireDeletable(Reference reference, Set<Reference> along) {
    List<Reference> others = ledger.dependents(reference).stream()
        .map(other -> other.id().reference())
        .filter(other -> !along.contains(other))
        .toList();
    if (!others.isEmpty()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          "delete " + reference + ": needed by " + others + "; delete that first");
    }
  }

  /** Runs a driver's capability under a note in the journal. */
  <C, R> Operation<R> act(
      Reference reference, String verb, Class<C> capability, Agent.Action<C, R> action) {
    C able = host.driver(reference.kind())
        .capability(capability)
        .orElseThrow(() -> new N0Exception(
            Code.UNSUPPORTED,
            reference.toString(),
            verb + " " + reference + ": its driver has no " + capability.getSimpleName()));
    return submit(reference, verb, action, () -> actOn(reference, verb), (id, running) -> {
      Runnable takeBack = ledger.journal(running.operation());
      R result;
      try {
        result = Host.call(running.operation(), () -> action.run(able, running.context(), id));
      } catch (N0Exception e) {
        takeBack.run();
        throw e;
      }
      takeBack.run();
      return result;
    });
  }

  private ResourceId actOn(Reference reference, String verb) {
    Intent known = ledger.find(reference).orElseThrow(() -> notFound(verb, reference));
    if (known.leaving()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          verb + " " + reference + ": it is being deleted");
    }
    return known.id();
  }

  /** What an operation works with. */
  private record Running(RunningOperation<?> operation, OperationContext context) {}

  private interface Work<R> {
    R run(ResourceId id, Running running);
  }

  private void note(Reference reference, String verb, Object request, Runnable intend) {
    Lane lane = lane(reference);
    synchronized (lane) {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        join(current.get(), verb, request);
      } else {
        intend.run();
      }
    }
  }

  private <R> Operation<R> submit(
      Reference reference, String verb, Object request, Supplier<ResourceId> intend, Work<R> work) {
    Lane lane = lane(reference);
    RunningOperation<R> operation;
    synchronized (lane) {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        return join(current.get(), verb, request);
      }
      operation = new RunningOperation<>(intend.get(), verb, request);
      lane.occupy(operation);
    }
    try {
      workers.execute(() -> {
        lane.working.lock();
        try {
          run(lane, operation, work);
        } finally {
          lane.working.unlock();
        }
      });
    } catch (RejectedExecutionException e) {
      lane.release();
      throw closed(verb, reference);
    }
    return operation;
  }

  @SuppressWarnings("unchecked") // an equal request has the same type of result
  private static <R> Operation<R> join(RunningOperation<?> current, String verb, Object request) {
    if (current.isFor(verb, request)) {
      return (Operation<R>) current;
    }
    throw new N0Exception(
        Code.BUSY,
        current.target().toString(),
        verb + " " + current.target() + ": busy with \"" + current.verb() + "\"");
  }

  @SuppressWarnings("IllegalCatch") // whatever is thrown ends this operation and nothing else
  private <R> void run(Lane lane, RunningOperation<R> operation, Work<R> work) {
    operation.start();
    long start = System.nanoTime();
    Running running = running(operation);
    Runnable end;
    try {
      R result = work.run(operation.target(), running);
      lane.succeeded();
      end = () -> operation.succeed(result);
      LOG.info("{} {}: done in {} ms", operation.verb(), operation.target(), millisSince(start));
    } catch (Throwable e) {
      lane.failed();
      end = () -> operation.fail(e);
      LOG.info(
          "{} {}: failed after {} ms: {}",
          operation.verb(),
          operation.target(),
          millisSince(start),
          e.toString());
    }
    lane.release();
    end.run();
  }

  private Running running(RunningOperation<?> operation) {
    return new Running(operation, new OperationContext(operation, host, options));
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  private ResourceId realise(ResourceId id, Running running) {
    try {
      converge(id, running);
      return id;
    } catch (N0Exception e) {
      settle(id, e);
      throw e;
    }
  }

  /** Makes the resource what its spec says, and proves it by looking. */
  private <S extends Spec, T> void converge(ResourceId id, Running running) {
    Intent intent = ledger.find(id.reference()).orElseThrow(() -> notFound(APPLY, id.reference()));
    Driver<S, T> driver = host.typed(id);
    if (Host.finished(host.observeOrThrow(APPLY, id)) && intent.phase() == Phase.READY) {
      return;
    }
    Intent applying =
        intent.phase() == Phase.APPLYING ? intent : record(intent.in(Phase.APPLYING, ""));
    S spec = driver.describe().spec().cast(intent.spec());
    Host.call(running.operation(), () -> {
      driver.apply(running.context(), id, spec);
      return id;
    });
    Observed<?> after = host.observeOrThrow(APPLY, id);
    if (!Host.finished(after)) {
      throw new N0Exception(
          Code.INTERNAL,
          id.toString(),
          APPLY + " " + id + ": the driver returned, but it is " + after);
    }
    record(applying.in(Phase.READY, ""));
    ledger
        .dependents(id.reference())
        .forEach(dependent -> wake.accept(dependent.id().reference()));
  }

  /** Decides what becomes of a resource whose spec could not be made true. */
  private void settle(ResourceId id, N0Exception failure) {
    Optional<Intent> now = ledger.find(id.reference());
    if (closing || now.isEmpty()) {
      return; // the agent that is opened next goes on with the record as it is
    }
    Intent known = now.get();
    String message = String.valueOf(failure.getMessage());
    boolean passing = failure.code() != Code.CANCELLED && !FINAL.contains(failure.code());
    if (known.onFailure() == OnFailure.ROLL_BACK && !known.realised()) {
      record(known.in(Phase.ROLLING_BACK, message));
      rollBack(id, failure);
    } else if (known.onFailure() == OnFailure.RETRY && passing) {
      if (!known.message().equals(message) || known.phase() != Phase.APPLYING) {
        record(known.in(Phase.APPLYING, message));
      }
    } else {
      record(known.in(Phase.FAILED, message));
    }
  }

  private void rollBack(ResourceId id, N0Exception failure) {
    try {
      // An operation of its own: the one that failed may have been cancelled or out of time.
      remove(id, running(new RunningOperation<>(id, "roll back", DELETE)));
    } catch (N0Exception e) {
      failure.addSuppressed(e);
      LOG.warn("roll back {}: failed, will be tried again: {}", id, e.getMessage());
    }
  }

  /** Deletes the resource and only then forgets it. */
  private ResourceId remove(ResourceId id, Running running) {
    Reference reference = id.reference();
    try {
      deleteAndProve(id, running);
    } catch (N0Exception e) {
      String message = String.valueOf(e.getMessage());
      if (!closing) {
        ledger
            .find(reference)
            .filter(known -> !known.message().equals(message))
            .ifPresent(known -> record(known.in(known.phase(), message)));
      }
      throw e;
    }
    ledger.find(reference).ifPresent(known -> {
      ledger.remove(known);
      known.spec().dependencies().forEach(wake);
    });
    return id;
  }

  private void deleteAndProve(ResourceId id, Running running) {
    Host.call(running.operation(), () -> {
      host.driver(id.kind()).delete(running.context(), id);
      return id;
    });
    Observed<?> after = host.observeOrThrow(DELETE, id);
    if (!(after instanceof Observed.Absent)) {
      throw new N0Exception(
          Code.INTERNAL,
          id.toString(),
          DELETE + " " + id + ": the driver returned, but it is " + after);
    }
  }

  /** What looking at a resource led to. */
  enum Outcome {
    /** It is what it should be; nothing was done. */
    FINE,
    /** It was worked on. */
    WORKED,
    /** It could not be seen and was left alone. */
    UNKNOWN,
    /** Somebody else works on it, or it must wait for another. */
    SKIPPED
  }

  /** The outcome, with the reason where there is one. */
  record Look(Outcome outcome, String why) {}

  /** Looks at a resource and does what its phase asks for. Runs on a worker. */
  Look reconcile(Reference reference) {
    Lane lane = lane(reference);
    synchronized (lane) {
      if (closing || lane.current().isPresent()) {
        return new Look(Outcome.SKIPPED, "an operation is in flight");
      }
    }
    if (!lane.working.tryLock()) {
      return new Look(Outcome.SKIPPED, "an operation is in flight");
    }
    try {
      Optional<Intent> intent = ledger.find(reference);
      return intent.isEmpty() ? new Look(Outcome.SKIPPED, "it is gone") : look(lane, intent.get());
    } finally {
      lane.working.unlock();
    }
  }

  private Look look(Lane lane, Intent intent) {
    Observed<?> seen = host.observe(intent.id());
    if (seen instanceof Observed.Unknown<?> unknown) {
      LOG.warn("{}: cannot be seen and is left alone: {}", intent.id(), unknown.why());
      return new Look(Outcome.UNKNOWN, unknown.why());
    }
    return switch (intent.phase()) {
      case READY -> {
        if (Host.finished(seen)) {
          yield new Look(Outcome.FINE, "");
        }
        boolean lost = seen instanceof Observed.Absent
            && host.driver(intent.id().kind()).onLoss() == Driver.Loss.REPORT;
        yield lost ? reportLoss(lane, intent) : repair(lane, intent);
      }
      case APPLYING -> repair(lane, intent);
      case DELETING, ROLLING_BACK ->
        ledger.dependents(intent.id().reference()).isEmpty()
            ? work(lane, intent, DELETE, DELETE, this::remove)
            : new Look(Outcome.SKIPPED, "others depend on it");
      case FAILED -> new Look(Outcome.FINE, intent.message());
    };
  }

  private Look reportLoss(Lane lane, Intent intent) {
    String message = "lost: it was READY and is gone; apply it again to make a new one";
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return new Look(Outcome.SKIPPED, "a request came first");
      }
      record(intent.in(Phase.FAILED, message));
    }
    LOG.warn("{}: {}", intent.id(), message);
    return new Look(Outcome.WORKED, message);
  }

  private Look repair(Lane lane, Intent intent) {
    for (Reference dependency : intent.spec().dependencies()) {
      Optional<Intent> other = ledger.find(dependency);
      if (other.isPresent() && other.get().phase() != Phase.READY) {
        return new Look(Outcome.SKIPPED, "waits for " + dependency);
      }
    }
    return work(lane, intent, APPLY, intent.spec(), this::realise);
  }

  private Look work(Lane lane, Intent intent, String verb, Object request, Work<ResourceId> work) {
    RunningOperation<ResourceId> operation = new RunningOperation<>(intent.id(), verb, request);
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return new Look(Outcome.SKIPPED, "a request came first");
      }
      lane.occupy(operation);
    }
    run(lane, operation, work);
    return new Look(Outcome.WORKED, "");
  }

  /** Tells whether a request was accepted while we looked; it knows better. */
  private boolean overtaken(Lane lane, Intent intent) {
    return closing
        || lane.current().isPresent()
        || ledger.find(intent.id().reference()).filter(intent::equals).isEmpty();
  }

  private void requireOpen(String verb, Reference reference) {
    if (closing) {
      throw closed(verb, reference);
    }
  }

  private static N0Exception closed(String verb, Reference reference) {
    return new N0Exception(
        Code.PRECONDITION, reference.toString(), verb + " " + reference + ": the agent is closed");
  }

  private Intent record(Intent intent) {
    return ledger.put(host.driver(intent.id().kind()).describe().spec(), intent);
  }

  private static N0Exception notFound(String verb, Reference reference) {
    return new N0Exception(
        Code.NOT_FOUND, reference.toString(), verb + " " + reference + ": there is none on record");
  }
}
