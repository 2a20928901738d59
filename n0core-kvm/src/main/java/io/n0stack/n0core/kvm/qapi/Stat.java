package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.util.List;

/**
 * A value of a statistic.
 *
 * @since 0.1
 */
public sealed interface Stat {
  /**
   * Returns what the value is called.
   *
   * @return the name
   */
  String name();

  /**
   * Reads a value.
   *
   * @param result what QEMU sent
   * @return the value
   */
  static Stat from(QmpResult result) {
    String name = result.text("/name");
    String json = Read.part(result, "/value").toString();
    if (json.startsWith("[")) {
      return new Histogram(name, Read.list(result, "/value", item -> item.unsigned("")));
    }
    return json.equals("true") || json.equals("false")
        ? new Flag(name, result.flag("/value"))
        : new Amount(name, result.unsigned("/value"));
  }

  /**
   * A number.
   *
   * @param name what it is called
   * @param value the number
   * @since 0.1
   */
  record Amount(String name, BigInteger value) implements Stat {}

  /**
   * A truth value.
   *
   * @param name what it is called
   * @param value the value
   * @since 0.1
   */
  record Flag(String name, boolean value) implements Stat {}

  /**
   * Counts in intervals.
   *
   * @param name what they are called
   * @param counts the counts
   * @since 0.1
   */
  record Histogram(String name, List<BigInteger> counts) implements Stat {
    /** Copies the list. */
    public Histogram {
      counts = List.copyOf(counts);
    }
  }
}
