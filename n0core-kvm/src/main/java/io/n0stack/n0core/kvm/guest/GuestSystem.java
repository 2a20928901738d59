package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.Rules;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The guest's system as a whole. Thread-safe. What every command may throw is said at {@link
 * GuestAgent}.
 *
 * @since 0.1
 */
public final class GuestSystem {
  private static final long NANOS = 1_000_000_000;

  private final GuestAgent agent;

  GuestSystem(GuestAgent agent) {
    this.agent = agent;
  }

  /** How a guest is to end. */
  public enum Ending {
    /** It is switched off. */
    POWERDOWN,
    /** It stops but stays on. */
    HALT,
    /** It starts again. */
    REBOOT
  }

  /** Where a sleeping guest keeps its memory. */
  public enum Sleep {
    /** On its disk. */
    DISK,
    /** In its memory. */
    RAM,
    /** In both. */
    HYBRID
  }

  /**
   * Asks the guest to end. Returns when the agent has begun or nothing was heard within the deadline:
   * the guest's state tells the outcome.
   *
   * @param ending how
   */
  public void shutdown(Ending ending) {
    agent.tell("guest-shutdown", Map.of("mode", ending.name().toLowerCase(Locale.ROOT)));
  }

  /**
   * Asks the guest to sleep. Returns like {@link #shutdown}.
   *
   * @param sleep where it keeps its memory
   */
  public void suspend(Sleep sleep) {
    agent.tell("guest-suspend-" + sleep.name().toLowerCase(Locale.ROOT), Map.of());
  }

  /**
   * Asks for the operating system.
   *
   * @return what the guest says
   */
  public OsInfo osInfo() {
    return OsInfo.from(agent.execute("guest-get-osinfo", Map.of()));
  }

  /**
   * Asks for the host name.
   *
   * @return what the guest says
   */
  public String hostName() {
    return agent.execute("guest-get-host-name", Map.of()).text("/host-name");
  }

  /**
   * Asks for the time.
   *
   * @return the guest's clock
   */
  public Instant time() {
    long nanos = agent.execute("guest-get-time", Map.of()).number("");
    return Instant.ofEpochSecond(Math.floorDiv(nanos, NANOS), Math.floorMod(nanos, NANOS));
  }

  /**
   * Sets the guest's clocks.
   *
   * @param time the time, after 1970
   */
  public void setTime(Instant time) {
    Rules.range("time", time.getEpochSecond(), 0, Long.MAX_VALUE / NANOS - 1);
    agent.execute("guest-set-time", Map.of("time", time.getEpochSecond() * NANOS + time.getNano()));
  }

  /** Sets the guest's clock from its hardware clock, as after it was stopped or restored. */
  public void setTimeFromHardware() {
    agent.execute("guest-set-time", Map.of());
  }

  /**
   * Lists the network interfaces.
   *
   * @return what the guest says
   */
  public List<NetworkInterface> networkInterfaces() {
    return agent
        .execute("guest-network-get-interfaces", Map.of())
        .items("", NetworkInterface::from);
  }

  /**
   * Lists the processors.
   *
   * @return what the guest says
   */
  public List<Vcpu> vcpus() {
    return agent.execute("guest-get-vcpus", Map.of()).items("", Vcpu::from);
  }

  /**
   * Lets the guest use processors, or do without.
   *
   * @param online for each processor's number whether it is to be used
   * @return how many of them the guest has changed, in the order of the map; the rest are unchanged
   */
  public long setVcpus(Map<Long, Boolean> online) {
    List<Map<String, Object>> changes = online.entrySet().stream()
        .map(each -> Map.<String, Object>of("logical-id", each.getKey(), "online", each.getValue()))
        .toList();
    return agent.execute("guest-set-vcpus", Map.of("vcpus", changes)).number("");
  }

  /**
   * Lists the blocks of memory.
   *
   * @return what the guest says
   */
  public List<MemoryBlock> memoryBlocks() {
    return agent.execute("guest-get-memory-blocks", Map.of()).items("", MemoryBlock::from);
  }

  /**
   * Asks for the size of a block of memory.
   *
   * @return bytes
   */
  public long memoryBlockBytes() {
    return agent.execute("guest-get-memory-block-info", Map.of()).number("/size");
  }

  /**
   * Sets a user's password.
   *
   * @param user the user's name
   * @param password the password, never logged
   */
  public void setUserPassword(String user, String password) {
    String encoded = Base64.getEncoder().encodeToString(password.getBytes(StandardCharsets.UTF_8));
    agent.execute(
        "guest-set-user-password", Map.of("username", user, "password", encoded, "crypted", false));
  }

  /**
   * Sets a user's password, of which only the hash is known.
   *
   * @param user the user's name
   * @param hash the password as {@code crypt} made it, never logged
   */
  public void setUserPasswordHash(String user, String hash) {
    String encoded = Base64.getEncoder().encodeToString(hash.getBytes(StandardCharsets.UTF_8));
    agent.execute(
        "guest-set-user-password", Map.of("username", user, "password", encoded, "crypted", true));
  }
}
