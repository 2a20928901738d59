package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * The guest's file systems. Thread-safe. What every command may throw is said at {@link GuestAgent}.
 *
 * @since 0.1
 */
public final class GuestFileSystems {
  private final GuestAgent agent;
  private final Duration command;

  GuestFileSystems(GuestAgent agent, Duration command) {
    this.agent = agent;
    this.command = command;
  }

  /**
   * Lists the mounted file systems.
   *
   * @return what the guest says
   */
  public List<FileSystem> list() {
    return agent.execute("guest-get-fsinfo", Map.of()).items("", FileSystem::from);
  }

  /**
   * Flushes the file systems and lets all writes wait until {@link #thaw}. Whatever this throws, the
   * file systems may be frozen and must be thawed; {@link #frozen} does so.
   *
   * @return how many were frozen
   */
  public long freeze() {
    return agent.execute("guest-fsfreeze-freeze", Map.of()).number("");
  }

  /**
   * Flushes file systems and lets all writes to them wait until {@link #thaw}.
   *
   * @param mountPoints where they are mounted; others that they need are not frozen
   * @return how many were frozen
   */
  public long freeze(List<String> mountPoints) {
    return agent
        .execute("guest-fsfreeze-freeze-list", Map.of("mountpoints", mountPoints))
        .number("");
  }

  /**
   * Lets writes go on. No error if nothing is frozen.
   *
   * @return how many were thawed
   */
  public long thaw() {
    return agent.execute("guest-fsfreeze-thaw", Map.of()).number("");
  }

  /**
   * Asks whether the agent has frozen file systems.
   *
   * @return whether it has
   */
  public boolean isFrozen() {
    return agent.execute("guest-fsfreeze-status", Map.of()).text("").equals("frozen");
  }

  /**
   * Discards unused blocks.
   *
   * @param leastBytes the shortest run of unused blocks that is discarded, 0 for all
   * @return what was discarded where, possibly with errors
   */
  public List<Trimmed> trim(long leastBytes) {
    Rules.range("leastBytes", leastBytes, 0, Long.MAX_VALUE);
    return agent
        .execute("guest-fstrim", Map.of("minimum", leastBytes))
        .optList("/paths", Trimmed::from);
  }

  /**
   * What was discarded in a file system.
   *
   * @param path where it is mounted
   * @param bytes how much, empty if it failed or the agent does not tell
   * @param error why it failed, in the guest's words
   * @since 0.1
   */
  public record Trimmed(String path, OptionalLong bytes, Optional<String> error) {
    static Trimmed from(GuestResult result) {
      return new Trimmed(
          result.text("/path"), result.optNumber("/trimmed"), result.optText("/error"));
    }
  }

  /**
   * Does something while the file systems are frozen, then thaws them in any case: also if freezing
   * failed or was not answered, if the work threw, if the thread was interrupted, and over a new
   * connection if this one is lost. They are thawed at the limit even if the work still goes on.
   *
   * @param limit how long they may be frozen
   * @param work what is done; must not use the agent for anything that writes
   * @param <T> what the work yields
   * @return what it yielded
   * @throws OperationTimeoutException if the file systems were thawed before the work had ended: what
   *     it yielded need not be consistent
   * @throws N0Exception if they could not be frozen or thawed; the message says which
   */
  public <T> T frozen(Duration limit, Supplier<T> work) {
    Rules.range("limit", limit.toMillis(), 1, Integer.MAX_VALUE);
    long end = System.nanoTime() + limit.toNanos();
    agent.sync(); // if it is not there, there is nothing to thaw
    try (Freeze freeze = new Freeze(agent, command)) {
      agent.execute("guest-fsfreeze-freeze", Map.of(), limit);
      freeze.thawAt(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
      T result = work.get();
      freeze.end(limit);
      return result;
    }
  }
}
