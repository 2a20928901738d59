package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestAgentOptions;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Optional;

/** Finds the agents in guests. */
final class GuestAgents {
  private static final int ANSWER_BYTES = 1 << 16; // what power and snapshots ask has short answers

  private GuestAgents() {}

  /** Says whether a guest has its side of the channel open, without which nobody would answer. */
  static boolean listens(Monitor monitor, Run run) {
    return monitor.execute("query-chardev").list("").stream()
        .filter(channel -> channel.text("/filename").contains(run.guestAgent().toString()))
        .anyMatch(channel -> channel.flag("/frontend-open"));
  }

  /**
   * Finds an agent that answers in time; that there is none is usual.
   *
   * @param run the launch
   * @param find the time allowed for a sign of life
   * @param command the time allowed for each answer
   * @return a connection, which the caller closes
   */
  static Optional<GuestAgent> find(Run run, Duration find, Duration command) {
    if (!Files.exists(run.guestAgent()) || find.isZero()) {
      return Optional.empty();
    }
    GuestAgentOptions options = GuestAgentOptions.defaults()
        .withSync(find)
        .withCommand(command)
        .withAnswerBytes(ANSWER_BYTES);
    try {
      return Optional.of(GuestAgent.connect(run.uid().toString(), run.guestAgent(), options));
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      return Optional.empty();
    }
  }
}
