package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.Map;

/**
 * Hears of what an agent measures, to pass it on to a library for meters. Names and tags are few and
 * known: no meter has a tag with the name of a resource. Called on the threads that work; thread-safe.
 * What it throws is logged and otherwise ignored.
 *
 * <table>
 * <caption>Meters</caption>
 * <tr><th>name</th><th>kind</th><th>tags</th></tr>
 * <tr><td>{@code n0core.operation}</td><td>time</td><td>kind, verb, outcome</td></tr>
 * <tr><td>{@code n0core.step}</td><td>time</td><td>kind, verb, step, outcome</td></tr>
 * <tr><td>{@code n0core.unseen}</td><td>count</td><td>kind</td></tr>
 * <tr><td>{@code n0core.drift}</td><td>count</td><td>kind</td></tr>
 * </table>
 *
 * <p>An outcome is {@code succeeded} or the code of the failure in lower case.
 *
 * @since 0.1
 */
public interface MeterSink {
  /** A sink that drops everything. */
  MeterSink NONE = new MeterSink() {};

  /**
   * Is told how long something took.
   *
   * @param meter the meter's name
   * @param took how long
   * @param tags what tells it from others of the same meter
   */
  default void time(String meter, Duration took, Map<String, String> tags) {}

  /**
   * Is told that something happened.
   *
   * @param meter the meter's name
   * @param tags what tells it from others of the same meter
   */
  default void count(String meter, Map<String, String> tags) {}
}
