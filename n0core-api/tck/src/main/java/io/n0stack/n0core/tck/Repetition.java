package io.n0stack.n0core.tck;

/**
 * How often something is repeated that is only repeated in search of the rare. The environment variable
 * {@code N0CORE_REPEAT}, in percent, makes it less, for a second run of the same tests; it is 100 unless
 * set.
 */
public final class Repetition {
  private static final String VARIABLE = "N0CORE_REPEAT";

  private Repetition() {}

  /**
   * Scales a number of repetitions.
   *
   * @param usual the number at 100 percent
   * @return the number now, at least 1
   */
  public static int of(int usual) {
    String percent = System.getenv(VARIABLE);
    return percent == null ? usual : Math.max(1, usual * Integer.parseInt(percent) / 100);
  }
}
