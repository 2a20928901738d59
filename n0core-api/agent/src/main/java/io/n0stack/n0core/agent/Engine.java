package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Function;
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
  private final Admission admission;
  private final AgentOptions options;
  private final Workers workers;
  private final Consumer<Reference> wake;
  private final Map<Reference, Lane> lanes = new ConcurrentHashMap<>();
  private volatile boolean closing;

  Engine(
      Host host, Ledger ledger, AgentOptions options, Workers workers, Consumer<Reference> wake) {
    this.host = host;
    this.ledger = ledger;
    this.admission = new Admission(host, ledger);
    this.options = options;
    this.workers = workers;
    this.wake = wake;
  }

  Lane lane(Reference reference) {
    while (true) {
      Lane lane = lanes.computeIfAbsent(reference, r -> new Lane());
      if (!lane.retired()) {
        return lane;
      }
      lanes.remove(reference, lane);
    }
  }

  /** Forgets the lanes of what is not on record, or memory would grow with every name ever used. */
  void forgetIdleLanes() {
    lanes.forEach((reference, lane) -> {
      if (ledger.find(reference).isEmpty() && lane.retire()) {
        lanes.remove(reference, lane);
      }
    });
  }

  int laneCount() {
    return lanes.size();
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

  /** Ends, for those who wait, what no thread will end any more. */
  void abandon() {
    lanes.forEach((reference, lane) -> {
      Optional<RunningOperation<?>> current;
      synchronized (lane) {
        current = lane.current();
      }
      current.ifPresent(operation -> operation.fail(closed(operation.verb(), reference)));
    });
  }

  /** Accepts a spec: its intent is durable when this returns. */
  Operation<ResourceId> apply(Reference reference, Spec spec, OnFailure onFailure) {
    return submit(
        reference, APPLY, spec, () -> admission.apply(reference, spec, onFailure), this::realise);
  }

  /** Writes down what is wanted without beginning it. */
  void prepare(Reference reference, Spec spec, OnFailure onFailure) {
    note(reference, APPLY, spec, () -> admission.apply(reference, spec, onFailure));
  }

  /** Takes something under its own uid on record; it existed before, so it is never rolled back. */
  Operation<ResourceId> adopt(ResourceId orphan, Spec spec) {
    Reference reference = orphan.reference();
    host.requireType(reference, spec);
    return submit(reference, "adopt", spec, () -> admission.adopt(orphan, spec), this::realise);
  }

  /** Deletes something that is not on record, under a note in the journal that is durable on return. */
  Operation<ResourceId> reap(ResourceId orphan) {
    UUID note = UUID.randomUUID();
    Supplier<ResourceId> intend = () -> {
      admission.requireUnrecorded(orphan);
      ledger.journal(note, "reap", orphan);
      return orphan;
    };
    return submit(orphan.reference(), "reap", orphan, intend, (id, running) -> {
      deleteAndProve(id, running);
      ledger.takeBack(note);
      return id;
    });
  }

  /** Accepts a deletion: its intent is durable when this returns. */
  Operation<ResourceId> delete(Reference reference) {
    host.driver(reference.kind());
    return submit(
        reference, DELETE, DELETE, () -> admission.delete(reference, Set.of()), this::remove);
  }

  /** Writes down that a resource is to go; {@code along} are those that go before it. */
  void prepareDeletion(Reference reference, Set<Reference> along) {
    note(reference, DELETE, DELETE, () -> admission.delete(reference, along));
  }

  void requireDeletable(Reference reference, Set<Reference> along) {
    admission.requireDeletable(reference, along);
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
    return submit(reference, verb, action, () -> admission.act(reference, verb), (id, running) -> {
      UUID note = UUID.randomUUID();
      ledger.journal(note, verb, id);
      R result;
      try {
        result = Host.call(running.operation(), () -> action.run(able, running.context(), id));
      } catch (N0Exception e) {
        ledger.takeBack(note);
        throw e;
      }
      ledger.takeBack(note);
      return result;
    });
  }

  /** What an operation works with. */
  private record Running(RunningOperation<?> operation, OperationContext context) {}

  private interface Work<R> {
    R run(ResourceId id, Running running);
  }

  private void note(Reference reference, String verb, Object request, Runnable intend) {
    inLane(reference, lane -> {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        return join(current.get(), verb, request);
      }
      intend.run();
      return lane;
    });
  }

  private <R> Operation<R> submit(
      Reference reference, String verb, Object request, Supplier<ResourceId> intend, Work<R> work) {
    return inLane(reference, lane -> {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        return join(current.get(), verb, request);
      }
      RunningOperation<R> operation = new RunningOperation<>(intend.get(), verb, request);
      lane.occupy(operation);
      boolean taken = false;
      try {
        workers.pool().execute(() -> runInTurn(lane, operation, work));
        taken = true;
      } catch (RejectedExecutionException e) {
        throw closed(verb, reference);
      } finally {
        if (!taken) {
          lane.release();
        }
      }
      return operation;
    });
  }

  /** Calls a body under the monitor of the lane that is in use for a resource. */
  private <X> X inLane(Reference reference, Function<Lane, X> body) {
    while (true) {
      Lane lane = lane(reference);
      synchronized (lane) {
        if (!lane.retired()) {
          return body.apply(lane);
        }
      }
    }
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

  private <R> void runInTurn(Lane lane, RunningOperation<R> operation, Work<R> work) {
    try {
      lane.working.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closing: the record is gone on with by the next agent
      return;
    }
    Runnable end;
    try {
      end = run(lane, operation, work);
    } finally {
      lane.working.unlock();
    }
    end.run();
  }

  /** Does the work, and returns what tells those who wait for it; to be run without a lock. */
  @SuppressWarnings("IllegalCatch") // whatever is thrown ends this operation and nothing else
  private <R> Runnable run(Lane lane, RunningOperation<R> operation, Work<R> work) {
    operation.start();
    long start = System.nanoTime();
    Runnable stopAlarm = alarm(operation);
    Running running = running(operation);
    Runnable end;
    try {
      requireOpen(operation.verb(), operation.target().reference());
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
    stopAlarm.run();
    lane.release();
    return end;
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
      try {
        settle(id, e);
      } catch (N0Exception unwritten) {
        e.addSuppressed(unwritten); // the record stays as it was, and is gone on with
      }
      throw e;
    }
  }

  /** Makes the resource what its spec says, and proves it by looking. */
  private <S extends Spec, T> void converge(ResourceId id, Running running) {
    Intent intent =
        ledger.find(id.reference()).orElseThrow(() -> Admission.notFound(APPLY, id.reference()));
    Driver<S, T> driver = host.typed(id);
    Observed<?> before = host.observeOrThrow(APPLY, id);
    if (Host.finished(before) && intent.phase() == Phase.READY) {
      return;
    }
    if (lost(intent, before)) {
      // Whoever asks does not know it yet; an empty one in its place would hide the loss.
      admission.record(intent.lost());
      throw new N0Exception(Code.NOT_FOUND, id.toString(), APPLY + " " + id + ": " + Intent.LOST);
    }
    Intent applying =
        intent.phase() == Phase.APPLYING ? intent : admission.record(intent.in(Phase.APPLYING, ""));
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
    admission.record(applying.in(Phase.READY, ""));
    ledger
        .dependents(id.reference())
        .forEach(dependent -> wake.accept(dependent.id().reference()));
  }

  private boolean lost(Intent intent, Observed<?> seen) {
    return intent.realised()
        && seen instanceof Observed.Absent
        && host.driver(intent.id().kind()).onLoss() == Driver.Loss.REPORT;
  }

  /** Decides what becomes of a resource whose spec could not be made true. */
  private void settle(ResourceId id, N0Exception failure) {
    Optional<Intent> now = ledger.find(id.reference());
    if (closing || now.isEmpty()) {
      return; // the agent that is opened next goes on with the record as it is
    }
    Intent known = now.get();
    if (known.phase() == Phase.FAILED) {
      return; // lost
    }
    String message = String.valueOf(failure.getMessage());
    boolean passing = failure.code() != Code.CANCELLED && !FINAL.contains(failure.code());
    if (known.onFailure() == OnFailure.ROLL_BACK && !known.realised()) {
      admission.record(known.in(Phase.ROLLING_BACK, message));
      rollBack(id, failure);
    } else if (known.onFailure() == OnFailure.RETRY && passing) {
      if (!known.message().equals(message) || known.phase() != Phase.APPLYING) {
        admission.record(known.in(Phase.APPLYING, message));
      }
    } else {
      admission.record(known.in(Phase.FAILED, message));
    }
  }

  private void rollBack(ResourceId id, N0Exception failure) {
    // An operation of its own: the one that failed may have been cancelled or out of time.
    RunningOperation<ResourceId> undo = new RunningOperation<>(id, "roll back", DELETE);
    Runnable stopAlarm = alarm(undo);
    try {
      Observed<?> unused = host.observeOrThrow("roll back", id); // nobody asked to delete it unseen
      remove(id, running(undo));
    } catch (N0Exception e) {
      failure.addSuppressed(e);
      LOG.warn("roll back {}: failed, will be tried again: {}", id, e.getMessage());
    } finally {
      stopAlarm.run();
    }
  }

  private Runnable alarm(RunningOperation<?> operation) {
    Duration limit = options.operationLimit();
    return workers.later(limit, () -> operation.expire(limit));
  }

  /** Deletes the resource and only then forgets it. */
  private ResourceId remove(ResourceId id, Running running) {
    Reference reference = id.reference();
    try {
      deleteAndProve(id, running);
    } catch (N0Exception e) {
      String message = String.valueOf(e.getMessage());
      try {
        ledger
            .find(reference)
            .filter(known -> !closing && !known.message().equals(message))
            .ifPresent(known -> admission.record(known.in(known.phase(), message)));
      } catch (N0Exception unwritten) {
        e.addSuppressed(unwritten);
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

  /** A look, and what tells those who wait for the operation it led to. */
  private record Done(Look look, Runnable end) {
    static Done of(Outcome outcome, String why) {
      return new Done(new Look(outcome, why), () -> {});
    }
  }

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
    Done done;
    try {
      Optional<Intent> intent = ledger.find(reference);
      done = intent.isEmpty() ? Done.of(Outcome.SKIPPED, "it is gone") : look(lane, intent.get());
    } finally {
      lane.working.unlock();
    }
    done.end().run();
    return done.look();
  }

  private Done look(Lane lane, Intent intent) {
    Observed<?> seen = host.observe(intent.id());
    if (seen instanceof Observed.Unknown<?> unknown) {
      LOG.warn("{}: cannot be seen and is left alone: {}", intent.id(), unknown.why());
      return Done.of(Outcome.UNKNOWN, unknown.why());
    }
    return switch (intent.phase()) {
      case READY -> {
        if (Host.finished(seen)) {
          yield Done.of(Outcome.FINE, "");
        }
        yield lost(intent, seen) ? reportLoss(lane, intent) : repair(lane, intent);
      }
      case APPLYING -> repair(lane, intent);
      case DELETING, ROLLING_BACK ->
        ledger.dependents(intent.id().reference()).isEmpty()
            ? work(lane, intent, DELETE, DELETE, this::remove)
            : Done.of(Outcome.SKIPPED, "others depend on it");
      case FAILED -> Done.of(Outcome.FINE, intent.message());
    };
  }

  private Done reportLoss(Lane lane, Intent intent) {
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return Done.of(Outcome.SKIPPED, "a request came first");
      }
      admission.record(intent.lost());
    }
    LOG.warn("{}: {}", intent.id(), Intent.LOST);
    return Done.of(Outcome.WORKED, Intent.LOST);
  }

  private Done repair(Lane lane, Intent intent) {
    for (Reference dependency : intent.spec().dependencies()) {
      Optional<Intent> other = ledger.find(dependency);
      if (other.isPresent() && other.get().phase() != Phase.READY) {
        return Done.of(Outcome.SKIPPED, "waits for " + dependency);
      }
    }
    return work(lane, intent, APPLY, intent.spec(), this::realise);
  }

  private Done work(Lane lane, Intent intent, String verb, Object request, Work<ResourceId> work) {
    RunningOperation<ResourceId> operation = new RunningOperation<>(intent.id(), verb, request);
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return Done.of(Outcome.SKIPPED, "a request came first");
      }
      lane.occupy(operation);
    }
    Runnable end = run(lane, operation, work);
    return new Done(new Look(Outcome.WORKED, ""), end);
  }

  /** Tells whether a request was accepted while we looked; it knows better. */
  private boolean overtaken(Lane lane, Intent intent) {
    return closing
        || lane.retired()
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
}
