package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.PluginConfig;
import io.n0stack.n0core.kvm.internal.launch.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How the processes of machines are confined and with what they are accompanied.
 *
 * @param runAs whom they run as; empty for the agent's user, whose capabilities they do not get
 * @param cgroupParent absolute path, below each hierarchy's root, of the control group that holds one
 *     group for each machine with limits
 * @param scope whether each machine gets a scope of systemd
 * @param ovmf directory of the UEFI firmware, as Debian's package {@code ovmf} has it
 * @param swtpm the TPM emulator, an absolute path or a name on PATH
 * @param virtiofsd the daemon that shares directories, an absolute path or a name on PATH
 * @param networkNamespace file of the network namespace that QEMU runs in; empty for the agent's. It needs
 *     none of its own network but for taps that it opens by name and for migration by TCP
 * @param serialLogBytes what is kept of a serial port's output, twice
 * @param qemuLogBytes what is kept of QEMU's messages, twice
 * @since 0.1
 */
public record LaunchConfig(
    Optional<RunAs> runAs,
    Path cgroupParent,
    Scope scope,
    Path ovmf,
    String swtpm,
    String virtiofsd,
    Optional<Path> networkNamespace,
    long serialLogBytes,
    long qemuLogBytes) {
  private static final long KIB = 1 << 10;
  private static final long MOST_LOG = 1L << 40;
  private static final long MOST_UID = 0xFFFF_FFFEL; // (uid_t) -1 means "unchanged"

  /** Whether a machine gets a scope of systemd. */
  public enum Scope {
    /** It stays in the service that the agent runs in. */
    NONE,
    /** It gets a transient scope of its own, which ends with it and not with the agent's service. */
    SYSTEMD
  }

  /**
   * Users without privileges.
   *
   * @param firstUid the lowest user, not 0
   * @param lastUid the highest one; more than the lowest for a user of its own for each machine
   * @param gid the group of all of them; empty for a group of the user's number
   */
  public record RunAs(long firstUid, long lastUid, Optional<Long> gid) {
    /** Checks the numbers. */
    public RunAs {
      Rules.range("kvm.user", firstUid, 1, MOST_UID);
      Rules.range("kvm.uid-range", lastUid, firstUid, MOST_UID);
      gid.ifPresent(group -> Rules.range("kvm.user", group, 1, MOST_UID));
    }

    /**
     * Lets all machines run as one user.
     *
     * @param uid the user
     * @param gid the group
     * @return the rule
     */
    public static RunAs user(long uid, long gid) {
      return new RunAs(uid, uid, Optional.of(gid));
    }

    /**
     * Gives each machine the lowest user that no other machine has.
     *
     * @param firstUid the lowest
     * @param lastUid the highest
     * @return the rule
     */
    public static RunAs range(long firstUid, long lastUid) {
      return new RunAs(firstUid, lastUid, Optional.empty());
    }
  }

  /** Checks paths and numbers. */
  public LaunchConfig {
    Rules.absolutePath("kvm.cgroup-parent", cgroupParent);
    if (cgroupParent.getNameCount() == 0) {
      throw N0Exception.invalid("kvm.cgroup-parent", cgroupParent, "must not be the root");
    }
    Rules.absolutePath("kvm.ovmf", ovmf);
    Rules.text("kvm.swtpm", swtpm, 4096);
    Rules.text("kvm.virtiofsd", virtiofsd, 4096);
    networkNamespace.ifPresent(file -> Rules.absolutePath("kvm.network-namespace", file));
    Rules.range("kvm.serial-log-bytes", serialLogBytes, KIB, MOST_LOG);
    Rules.range("kvm.qemu-log-bytes", qemuLogBytes, KIB, MOST_LOG);
  }

  /** QEMU brought it until version 7.2; since then it is a package of its own, at another place. */
  private static String virtiofsdOfHost() {
    Path own = Path.of("/usr/libexec/virtiofsd");
    return Files.exists(own) ? own.toString() : "/usr/lib/qemu/virtiofsd";
  }

  /**
   * Uses the defaults: the agent's user without its capabilities, control groups below {@code /n0core}.
   *
   * @return a configuration
   */
  public static LaunchConfig standard() {
    return new LaunchConfig(
        Optional.empty(),
        Path.of("/n0core"),
        Scope.NONE,
        Path.of("/usr/share/OVMF"),
        "swtpm",
        virtiofsdOfHost(),
        Optional.empty(),
        KIB << 12,
        KIB << 10);
  }

  /**
   * Lets machines run as others than the agent.
   *
   * @param users who
   * @return a changed copy
   */
  public LaunchConfig withRunAs(RunAs users) {
    return new LaunchConfig(
        Optional.of(users),
        cgroupParent,
        scope,
        ovmf,
        swtpm,
        virtiofsd,
        networkNamespace,
        serialLogBytes,
        qemuLogBytes);
  }

  /**
   * Puts the machines' control groups elsewhere.
   *
   * @param parent absolute path below each hierarchy's root
   * @return a changed copy
   */
  public LaunchConfig withCgroupParent(Path parent) {
    return new LaunchConfig(
        runAs,
        parent,
        scope,
        ovmf,
        swtpm,
        virtiofsd,
        networkNamespace,
        serialLogBytes,
        qemuLogBytes);
  }

  /**
   * Keeps more or less of the logs.
   *
   * @param serialBytes of a serial port's output
   * @param qemuBytes of QEMU's messages
   * @return a changed copy
   */
  public LaunchConfig withLogBytes(long serialBytes, long qemuBytes) {
    return new LaunchConfig(
        runAs,
        cgroupParent,
        scope,
        ovmf,
        swtpm,
        virtiofsd,
        networkNamespace,
        serialBytes,
        qemuBytes);
  }

  /**
   * Gives each machine a scope of systemd, or none.
   *
   * @param which which
   * @return a changed copy
   */
  public LaunchConfig withScope(Scope which) {
    return new LaunchConfig(
        runAs,
        cgroupParent,
        which,
        ovmf,
        swtpm,
        virtiofsd,
        networkNamespace,
        serialLogBytes,
        qemuLogBytes);
  }

  /**
   * Runs QEMU in another network namespace.
   *
   * @param file the namespace's file, such as one below {@code /run/netns}
   * @return a changed copy
   */
  public LaunchConfig withNetworkNamespace(Path file) {
    return new LaunchConfig(
        runAs,
        cgroupParent,
        scope,
        ovmf,
        swtpm,
        virtiofsd,
        Optional.of(file),
        serialLogBytes,
        qemuLogBytes);
  }

  static LaunchConfig read(PluginConfig config) {
    LaunchConfig defaults = standard();
    return new LaunchConfig(
        runAs(config),
        config.path("cgroup-parent", defaults.cgroupParent()),
        config.choice("systemd-scope", Switch.class, Switch.OFF) == Switch.ON
            ? Scope.SYSTEMD
            : Scope.NONE,
        config.path("ovmf", defaults.ovmf()),
        config.text("swtpm").orElse(defaults.swtpm()),
        config.text("virtiofsd").orElse(defaults.virtiofsd()),
        config.text("network-namespace").isPresent()
            ? Optional.of(config.path("network-namespace", Path.of("/")))
            : Optional.empty(),
        config.number("serial-log-bytes", defaults.serialLogBytes(), KIB, MOST_LOG),
        config.number("qemu-log-bytes", defaults.qemuLogBytes(), KIB, MOST_LOG));
  }

  private enum Switch {
    ON,
    OFF
  }

  private static Optional<RunAs> runAs(PluginConfig config) {
    Optional<String> user = config.text("user");
    Optional<String> range = config.text("uid-range");
    if (user.isPresent() && range.isPresent()) {
      throw N0Exception.invalid(
          "kvm.user", user.get(), "must be absent where kvm.uid-range is set");
    }
    if (user.isPresent()) {
      long[] numbers = numbers("kvm.user", user.get(), ":", "must be UID:GID, both numbers");
      return Optional.of(RunAs.user(numbers[0], numbers[1]));
    }
    return range.map(text -> {
      long[] numbers = numbers("kvm.uid-range", text, "-", "must be FIRST-LAST, both numbers");
      return RunAs.range(numbers[0], numbers[1]);
    });
  }

  private static long[] numbers(String key, String text, String separator, String rule) {
    if (!text.matches("\\d{1,10}" + separator + "\\d{1,10}")) {
      throw N0Exception.invalid(key, text, rule);
    }
    String[] words = text.split(separator, 2);
    return new long[] {Long.parseLong(words[0]), Long.parseLong(words[1])};
  }

  Settings settings() {
    return new Settings(
        runAs.map(users -> new Settings.Uids(users.firstUid(), users.lastUid(), users.gid())),
        cgroupParent,
        scope == Scope.SYSTEMD,
        ovmf,
        swtpm,
        virtiofsd,
        networkNamespace,
        serialLogBytes,
        qemuLogBytes);
  }
}
