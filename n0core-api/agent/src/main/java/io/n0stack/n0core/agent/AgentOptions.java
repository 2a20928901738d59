package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;

/**
 * How an agent behaves.
 *
 * @param tick how often it looks at everything by itself, 100 ms to 1 h
 * @param operationLimit how long one operation may take, 1 s to 24 h; a driver that is not done by then
 *     is interrupted
 * @param workers how many resources it works on at the same time, 1 to 1024; those that take more than a
 *     second do not count, so that what hangs holds up nothing else
 * @param stepListener hears of every step
 * @param meterSink hears of what is measured
 * @since 0.1
 */
public record AgentOptions(
    Duration tick,
    Duration operationLimit,
    int workers,
    StepListener stepListener,
    MeterSink meterSink) {
  /** Checks durations and number. */
  public AgentOptions {
    requireRange("tick", tick, Duration.ofMillis(100), Duration.ofHours(1));
    requireRange("operationLimit", operationLimit, Duration.ofSeconds(1), Duration.ofHours(24));
    Rules.range("workers", workers, 1, 1024);
  }

  private static void requireRange(String field, Duration value, Duration least, Duration most) {
    if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
      throw N0Exception.invalid(field, value, "must be " + least + " to " + most);
    }
  }

  /**
   * Returns what fits most agents: a look every 10 seconds, operations of up to 10 minutes, 32 workers.
   *
   * @return the defaults
   */
  public static AgentOptions defaults() {
    return new AgentOptions(
        Duration.ofSeconds(10), Duration.ofMinutes(10), 32, StepListener.NONE, MeterSink.NONE);
  }

  /**
   * Changes how often the agent looks.
   *
   * @param interval 100 ms to 1 h
   * @return a changed copy
   */
  public AgentOptions withTick(Duration interval) {
    return new AgentOptions(interval, operationLimit, workers, stepListener, meterSink);
  }

  /**
   * Changes how long an operation may take.
   *
   * @param limit 1 s to 24 h
   * @return a changed copy
   */
  public AgentOptions withOperationLimit(Duration limit) {
    return new AgentOptions(tick, limit, workers, stepListener, meterSink);
  }

  /**
   * Changes who hears of steps.
   *
   * @param listener the listener
   * @return a changed copy
   */
  public AgentOptions withStepListener(StepListener listener) {
    return new AgentOptions(tick, operationLimit, workers, listener, meterSink);
  }

  /**
   * Changes how many resources it works on at the same time.
   *
   * @param most 1 to 1024
   * @return a changed copy
   */
  public AgentOptions withWorkers(int most) {
    return new AgentOptions(tick, operationLimit, most, stepListener, meterSink);
  }

  /**
   * Changes who hears of what is measured.
   *
   * @param sink the sink
   * @return a changed copy
   */
  public AgentOptions withMeterSink(MeterSink sink) {
    return new AgentOptions(tick, operationLimit, workers, stepListener, sink);
  }
}
