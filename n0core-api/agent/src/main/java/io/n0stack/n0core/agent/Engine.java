package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.Disruption;
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
  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
  static final String APPLY = "apply";
  static final String DELETE = "delete";

  private final Host host;
  private final Ledger ledger;
  private final Admission admission;
  private final Convergence convergence;
  private final Instruments instruments;
  private final Scheduler scheduler;
  private final Duration limit;
  private final Map<Reference, Lane> lanes = new ConcurrentHashMap<>();
  private volatile boolean closing;

  Engine(
      Host host,
      Ledger ledger,
      Admission admission,
      Instruments instruments,
      Scheduler scheduler,
      Duration limit,
      Consumer<Reference> wake) {
    this.host = host;
    this.ledger = ledger;
    this.admission = admission;
    this.instruments = instruments;
    this.scheduler = scheduler;
    this.limit = limit;
    this.convergence = new Convergence(host, ledger, admission, this, wake);
  }

  Convergence convergence() {
    return convergence;
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

  boolean closing() {
    return closing;
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
  Operation<ResourceId> apply(Reference reference, Spec spec, ApplyOptions options) {
    Observed<?> found = admission.lookForLost(reference);
    return submit(
        reference,
        APPLY,
        spec,
        () -> admission.apply(reference, spec, options, found),
        convergence::realise,
        () -> admission.join(reference, options));
  }

  /** Writes down what is wanted without beginning it. */
  void prepare(Reference reference, Spec spec, ApplyOptions options) {
    Observed<?> found = admission.lookForLost(reference);
    note(
        reference,
        APPLY,
        spec,
        () -> admission.apply(reference, spec, options, found),
        () -> admission.join(reference, options));
  }

  /** Takes something under its own uid on record; it existed before, so it is never rolled back. */
  Operation<ResourceId> adopt(ResourceId orphan, Spec spec) {
    Reference reference = orphan.reference();
    host.requireType(reference, spec);
    return submit(
        reference, "adopt", spec, () -> admission.adopt(orphan, spec), convergence::realise);
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
      convergence.deleteAndProve(id, running);
      ledger.forgetAside(id);
      takeBack(note, "reap", id);
      return id;
    });
  }

  /** Accepts a deletion: its intent is durable when this returns. */
  Operation<ResourceId> delete(Reference reference) {
    host.driver(reference.kind());
    return submit(
        reference,
        DELETE,
        DELETE,
        () -> admission.delete(reference, Set.of()),
        convergence::remove);
  }

  /** Writes down that a resource is to go; {@code along} are those that go before it. */
  void prepareDeletion(Reference reference, Set<Reference> along) {
    note(reference, DELETE, DELETE, () -> admission.delete(reference, along), () -> {});
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
        // A driver that is stopped or has lost the line cannot tell how far it came.
        if (!closing && !(e instanceof UnknownOutcomeException)) {
          takeBack(note, e);
        }
        throw e;
      }
      takeBack(note, verb, id);
      return result;
    });
  }

  private void takeBack(UUID note, N0Exception known) {
    try {
      ledger.takeBack(note);
    } catch (N0Exception e) {
      known.addSuppressed(e); // it is reported, once too often rather than never
    }
  }

  private void takeBack(UUID note, String verb, ResourceId id) {
    try {
      ledger.takeBack(note);
    } catch (N0Exception e) {
      LOG.warn("{} {}: done, but will be reported as interrupted: {}", verb, id, e.getMessage());
    }
  }

  private void note(
      Reference reference, String verb, Object request, Runnable intend, Runnable joined) {
    inLane(reference, lane -> {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        return join(current.get(), verb, request, joined);
      }
      intend.run();
      return lane;
    });
    ledger.history().deliver();
  }

  private <R> Operation<R> submit(
      Reference reference,
      String verb,
      Object request,
      Supplier<ResourceId> intend,
      Running.Work<R> work) {
    return submit(reference, verb, request, intend, work, () -> {});
  }

  private <R> Operation<R> submit(
      Reference reference,
      String verb,
      Object request,
      Supplier<ResourceId> intend,
      Running.Work<R> work,
      Runnable joined) {
    Operation<R> submitted = inLane(reference, lane -> {
      requireOpen(verb, reference);
      Optional<RunningOperation<?>> current = lane.current();
      if (current.isPresent()) {
        return join(current.get(), verb, request, joined);
      }
      RunningOperation<R> operation =
          new RunningOperation<>(intend.get(), verb, request, scheduler);
      lane.occupy(operation);
      boolean taken = false;
      try {
        scheduler.execute(() -> runInTurn(lane, operation, work));
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
    ledger.history().deliver();
    return submitted;
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
  private static <R> Operation<R> join(
      RunningOperation<?> current, String verb, Object request, Runnable joined) {
    if (current.isFor(verb, request)) {
      joined.run();
      return (Operation<R>) current;
    }
    throw new N0Exception(
        Code.BUSY,
        current.target().toString(),
        verb + " " + current.target() + ": busy with \"" + current.verb() + "\"");
  }

  private <R> void runInTurn(Lane lane, RunningOperation<R> operation, Running.Work<R> work) {
    if (!lane.beginOrLeave(() -> runInTurn(lane, operation, work))) {
      return; // no thread waits: whoever looks at the resource now goes on with this
    }
    Runnable end = () -> {};
    try {
      end = run(lane, operation, work);
    } finally {
      Runnable next = lane.end();
      end.run();
      next.run();
    }
  }

  /** Does the work in the lane's turn, and returns what tells those who wait; to be run without it. */
  @SuppressWarnings("IllegalCatch") // whatever is thrown ends this operation and nothing else
  <R> Runnable run(Lane lane, RunningOperation<R> operation, Running.Work<R> work) {
    operation.start();
    long start = scheduler.nanoTime();
    Runnable stopAlarm = alarm(operation);
    Running running = running(lane, operation);
    Runnable end = instruments.inContext(operation, () -> {
      try {
        requireOpen(operation.verb(), operation.target().reference());
        R result = work.run(operation.target(), running);
        lane.succeeded();
        instruments.succeeded(operation, since(start));
        return () -> operation.succeed(result);
      } catch (Throwable e) {
        lane.failed(scheduler.nanoTime());
        instruments.failed(operation, since(start), e);
        return () -> operation.fail(e);
      }
    });
    stopAlarm.run();
    lane.release();
    return () -> {
      end.run();
      ledger.history().end(operation);
      ledger.history().deliver();
    };
  }

  private Duration since(long start) {
    return Duration.ofNanos(scheduler.nanoTime() - start);
  }

  private Running running(Lane lane, RunningOperation<?> operation) {
    Disruption allowed = ledger
        .find(operation.target().reference())
        .map(intent -> intent.options().disruption())
        .orElse(Disruption.NONE);
    return new Running(
        operation,
        new OperationContext(
            operation, lane, allowed, host, instruments, scheduler::nanoTime, limit));
  }

  /** Makes an operation that nobody asked for; {@link #run} or {@link #within} does it. */
  RunningOperation<ResourceId> own(ResourceId id, String verb, Object request) {
    return new RunningOperation<>(id, verb, request, scheduler);
  }

  /** Does something within the time that an operation may take. */
  void within(RunningOperation<?> operation, Consumer<Running> body) {
    Runnable stopAlarm = alarm(operation);
    try {
      body.accept(running(lane(operation.target().reference()), operation));
    } finally {
      stopAlarm.run();
    }
  }

  private Runnable alarm(RunningOperation<?> operation) {
    return scheduler.later(limit, () -> operation.expire(limit));
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
