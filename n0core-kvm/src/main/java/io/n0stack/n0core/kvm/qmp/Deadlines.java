package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.Set;

/**
 * How long commands may take when the caller does not say. Since QEMU does one command after the other,
 * each also waits for those of other monitors.
 *
 * @param query for commands that only look
 * @param change for commands that change devices and settings
 * @param block for commands that wait for disks, such as {@code blockdev-add} and {@code stop}
 * @param bulk for commands that write a file while the caller waits, such as {@code
 *     dump-guest-memory}
 * @since 0.1
 */
public record Deadlines(Duration query, Duration change, Duration block, Duration bulk) {
  private static final Duration MOST = Duration.ofDays(1);
  private static final Set<String> LOOKS = Set.of(
      "qom-get",
      "qom-list",
      "qom-list-properties",
      "qom-list-types",
      "device-list-properties",
      "trace-event-get-state",
      "ringbuf-read");
  private static final Set<String> STOPS = Set.of(
      "stop",
      "cont",
      "quit",
      "transaction",
      "eject",
      "change",
      "x-blockdev-reopen",
      "human-monitor-command",
      "change-backing-file");
  private static final Set<String> BULKS = Set.of(
      "dump-guest-memory",
      "memsave",
      "pmemsave",
      "screendump",
      "dumpdtb",
      "xen-save-devices-state",
      "dump-skeys");

  /**
   * Creates deadlines.
   *
   * @throws N0Exception INVALID if one is not positive or is longer than a day
   */
  public Deadlines {
    require("query", query);
    require("change", change);
    require("block", block);
    require("bulk", bulk);
  }

  /**
   * Returns the usual deadlines: 2 s to look, 30 s to change, 30 s for disks, 10 minutes for files.
   *
   * @return the deadlines
   */
  public static Deadlines defaults() {
    return new Deadlines(
        Duration.ofSeconds(2),
        Duration.ofSeconds(30),
        Duration.ofSeconds(30),
        Duration.ofMinutes(10));
  }

  /**
   * Returns the deadline of a command.
   *
   * @param command the command's name
   * @return the time allowed
   */
  public Duration of(String command) {
    if (command.startsWith("query-") || LOOKS.contains(command)) {
      return query;
    }
    if (BULKS.contains(command)) {
      return bulk;
    }
    boolean disks = command.startsWith("block")
        || command.startsWith("drive-")
        || command.startsWith("nbd-")
        || command.startsWith("snapshot-")
        || command.startsWith("job-");
    return disks || STOPS.contains(command) ? block : change;
  }

  private static void require(String field, Duration value) {
    if (value.isNegative() || value.isZero() || value.compareTo(MOST) > 0) {
      throw N0Exception.invalid(
          field, value, "must be positive and at most " + MOST.toHours() + " h");
    }
  }
}
