package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Shows what goes on: flight recorder, MDC, meters, and the steps that an explanation lists. */
final class Instruments {
  private static final Logger LOG = LoggerFactory.getLogger(Instruments.class);
  private static final String SUCCEEDED = "succeeded";

  private final StepListener listener;
  private final MeterSink meters;
  private final Scheduler scheduler;

  Instruments(AgentOptions options, Scheduler scheduler) {
    this.listener = options.stepListener();
    this.meters = options.meterSink();
    this.scheduler = scheduler;
  }

  /** Calls a body with the operation in the thread's MDC. */
  <R> R inContext(RunningOperation<?> operation, Supplier<R> body) {
    return with(
        "n0core.operation",
        operation.id().toString(),
        () -> with(
            "n0core.kind",
            operation.target().kind(),
            () -> with("n0core.name", operation.target().name(), body)));
  }

  private static <R> R with(String key, String value, Supplier<R> body) {
    String before = MDC.get(key);
    MDC.put(key, value);
    try {
      return body.get();
    } finally {
      if (before == null) {
        MDC.remove(key);
      } else {
        MDC.put(key, before);
      }
    }
  }

  <R> R step(RunningOperation<?> operation, Lane lane, String name, Supplier<R> body) {
    return with("n0core.step", name, () -> measured(operation, lane, name, body));
  }

  @SuppressWarnings("IllegalCatch") // to tell how the step ended; it is thrown on
  private <R> R measured(RunningOperation<?> operation, Lane lane, String name, Supplier<R> body) {
    StepEvent event = new StepEvent();
    event.begin();
    long start = scheduler.nanoTime();
    String outcome = SUCCEEDED;
    String failure = "";
    try {
      LOG.debug("{} {}: {}", operation.verb(), operation.target(), name);
      listener.before(operation.target(), operation.verb(), name);
      R result = body.get();
      listener.after(operation.target(), operation.verb(), name, scheduler.nanoTime() - start);
      return result;
    } catch (Throwable e) {
      outcome = outcome(e);
      failure = e.toString();
      throw e;
    } finally {
      long end = scheduler.nanoTime();
      Duration took = Duration.ofNanos(end - start);
      lane.note(new Lane.Taken(operation.verb(), name, end, took, failure));
      record(event, operation, name, outcome);
      Map<String, String> tags = tags(operation, outcome);
      tags.put("step", name);
      measure(() -> meters.time("n0core.step", took, tags));
    }
  }

  private static void record(
      StepEvent event, RunningOperation<?> operation, String step, String outcome) {
    event.end();
    if (event.shouldCommit()) {
      event.operation = operation.id().toString();
      event.verb = operation.verb();
      event.kind = operation.target().kind();
      event.name = operation.target().name();
      event.uid = operation.target().uid().toString();
      event.step = step;
      event.outcome = outcome;
      event.commit();
    }
  }

  void succeeded(RunningOperation<?> operation, Duration took) {
    LOG.info("{} {}: done in {} ms", operation.verb(), operation.target(), took.toMillis());
    measure(() -> meters.time("n0core.operation", took, tags(operation, SUCCEEDED)));
  }

  void failed(RunningOperation<?> operation, Duration took, Throwable failure) {
    LOG.info(
        "{} {}: failed after {} ms: {}",
        operation.verb(),
        operation.target(),
        took.toMillis(),
        failure.toString());
    measure(() -> meters.time("n0core.operation", took, tags(operation, outcome(failure))));
  }

  void count(String meter, String kind) {
    measure(() -> meters.count(meter, Map.of("kind", kind)));
  }

  private static Map<String, String> tags(RunningOperation<?> operation, String outcome) {
    Map<String, String> tags = new HashMap<>();
    tags.put("kind", operation.target().kind());
    tags.put("verb", operation.verb());
    tags.put("outcome", outcome);
    return tags;
  }

  private static String outcome(Throwable failure) {
    N0Exception.Code code =
        failure instanceof N0Exception ours ? ours.code() : N0Exception.Code.INTERNAL;
    return code.name().toLowerCase(Locale.ROOT);
  }

  @SuppressWarnings("IllegalCatch") // measuring must not change what is measured
  private static void measure(Runnable body) {
    try {
      body.run();
    } catch (RuntimeException | LinkageError e) {
      LOG.warn("the meter sink failed", e);
    }
  }
}
