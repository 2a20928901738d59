package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Live migration. The guest is at one side only when the other has ended or has been told to.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class MigrationCommands {
  private final Call call;

  MigrationCommands(Call call) {
    this.call = call;
  }

  /**
   * Begins to send the guest away.
   *
   * @param channel where to
   */
  public void migrate(MigrationChannel channel) {
    call.run("migrate", Args.of("uri", channel.uri()));
  }

  /**
   * Connects again for a migration in state POSTCOPY_PAUSED.
   *
   * @param channel where to
   */
  public void resumePostcopy(MigrationChannel channel) {
    call.run("migrate", Args.of("uri", channel.uri()).put("resume", true));
  }

  /**
   * Begins to listen, at a target that was started with {@code -incoming defer}.
   *
   * @param channel where
   */
  public void incoming(MigrationChannel channel) {
    call.run("migrate-incoming", Args.of("uri", channel.uri()));
  }

  /**
   * Cancels. No error if there is nothing to cancel; the state tells what became of it.
   */
  public void cancel() {
    call.run("migrate_cancel");
  }

  /**
   * Continues a migration that waits.
   *
   * @param state the state in which it is expected to wait, such as PRE_SWITCHOVER
   */
  public void continueFrom(MigrationStatus state) {
    call.run("migrate-continue", Args.of("state", state));
  }

  /**
   * Lets the guest continue at the target as soon as possible.
   */
  public void startPostcopy() {
    call.run("migrate-start-postcopy");
  }

  /**
   * Breaks the connection in state POSTCOPY_ACTIVE.
   */
  public void pausePostcopy() {
    call.urge("migrate-pause", Args.of());
  }

  /**
   * Listens again, at a target in state POSTCOPY_PAUSED.
   *
   * @param channel where
   */
  public void recoverPostcopy(MigrationChannel channel) {
    call.urge("migrate-recover", Args.of("uri", channel.uri()));
  }

  /**
   * Asks how far the migration is.
   *
   * @return its state
   */
  public MigrationInfo info() {
    return MigrationInfo.from(call.run("query-migrate"));
  }

  /**
   * Allows and forbids.
   *
   * @param capabilities what to change: true to allow
   */
  public void setCapabilities(Map<MigrationCapability, Boolean> capabilities) {
    List<Args> changes = capabilities.entrySet().stream()
        .map(e -> Args.of("capability", e.getKey()).put("state", e.getValue()))
        .toList();
    call.run("migrate-set-capabilities", Args.of("capabilities", changes));
  }

  /**
   * Asks what is allowed.
   *
   * @return for each capability that QEMU and this version know whether it is allowed
   */
  public Map<MigrationCapability, Boolean> capabilities() {
    Map<MigrationCapability, Boolean> known = new EnumMap<>(MigrationCapability.class);
    for (QmpResult item : call.run("query-migrate-capabilities").list("")) {
      Read.term(MigrationCapability.class, item, "/capability")
          .known()
          .ifPresent(capability -> known.put(capability, item.flag("/state")));
    }
    return known;
  }

  /**
   * Changes what steers a migration.
   *
   * @param settings the changes
   */
  public void setParameters(MigrationSettings settings) {
    call.run("migrate-set-parameters", settings.arguments());
  }

  /**
   * Asks what steers a migration.
   *
   * @return the parameters
   */
  public MigrationParameters parameters() {
    return MigrationParameters.from(call.run("query-migrate-parameters"));
  }

  /**
   * Lets the network cards announce their addresses, so that switches learn where the guest
   * is.
   *
   * @param announcement how often
   */
  public void announce(Announcement announcement) {
    call.run("announce-self", announcement.arguments());
  }

  /**
   * Breaks connections that hang, so that what waits for them fails.
   *
   * @param instances which
   */
  public void yank(List<? extends YankInstance> instances) {
    call.urge("yank", Args.of("instances", instances.stream().map(Encode::yank).toList()));
  }

  /**
   * Lists the connections that can be broken.
   *
   * @return the connections
   */
  public List<YankInstance> yankable() {
    return Read.list(call.run("query-yank"), "", YankInstance::from);
  }
}
