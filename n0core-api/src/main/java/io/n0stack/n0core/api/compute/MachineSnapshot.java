package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.Rules;
import java.time.Instant;

/**
 * A point in time of a machine.
 *
 * @param name a lower-case RFC 1123 label of at most 60 characters
 * @param content what it holds
 * @param taken when it was taken
 * @param consistency what a guest finds that is set back to it
 * @since 0.1
 */
public record MachineSnapshot(
    String name, Content content, Instant taken, Consistency consistency) {
  private static final int LONGEST = 60;

  /** What a snapshot holds. */
  public enum Content {
    /** The memory and all disks. */
    MEMORY,
    /** All disks. */
    DISKS
  }

  /** What a guest finds that is set back. */
  public enum Consistency {
    /** All as it was: memory and disks, or the disks of a machine that was off. */
    EXACT,
    /** File systems that were frozen: nothing is half written. */
    FROZEN,
    /** Disks as after a power failure. */
    CRASH
  }

  /** Checks the name. */
  public MachineSnapshot {
    requireName(name);
  }

  /**
   * Checks the name of a snapshot.
   *
   * @param name the name
   * @return the name
   * @throws io.n0stack.n0core.api.N0Exception INVALID if it is not a label of at most 60 characters
   */
  public static String requireName(String name) {
    Rules.label("snapshot", name);
    Rules.range("snapshot.length", name.length(), 1, LONGEST);
    return name;
  }
}
