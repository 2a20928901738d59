package io.n0stack.n0core.kvm.internal.record;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The QEMU of a launch, by what cannot come to mean another one.
 *
 * @param pid its number
 * @param start when it started, in the kernel's units
 * @param boot the run of the kernel that this is about
 */
record LaunchedProcess(long pid, long start, String boot) {
  private static final Pattern TEXT =
      Pattern.compile("(?<pid>\\d{1,9}) (?<start>\\d{1,18}) (?<boot>[-0-9a-f]{36})\n");
  private static final Duration ENDING = Duration.ofSeconds(1);

  static LaunchedProcess of(long pid) throws IOException {
    return new LaunchedProcess(pid, Processes.start(pid), Boot.id());
  }

  /** Reads what {@link #encode} wrote; empty if it was not written to the end. */
  static Optional<LaunchedProcess> parse(String text) {
    Matcher words = TEXT.matcher(text);
    return words.matches()
        ? Optional.of(new LaunchedProcess(
            Long.parseLong(words.group("pid")),
            Long.parseLong(words.group("start")),
            words.group("boot")))
        : Optional.empty();
  }

  String encode() {
    return pid + " " + start + " " + boot + "\n";
  }

  /** One that is about to end is waited for: it answers nobody any more. */
  boolean alive() throws IOException {
    if (!Boot.id().equals(boot) || !Processes.lives(pid, start)) {
      return false;
    }
    if (!Processes.ending(pid)) {
      return true;
    }
    long end = System.nanoTime() + ENDING.toNanos();
    while (Processes.lives(pid, start) && System.nanoTime() < end) {
      Pauses.pause("look at process " + pid, 1);
    }
    return Processes.lives(pid, start);
  }
}
