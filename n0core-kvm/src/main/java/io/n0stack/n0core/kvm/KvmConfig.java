package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.driver.PluginConfig;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How machines are made on this host. Each limit is 1 ms to 1 day.
 *
 * @param directory where each machine has its directory; short, because sockets are below it
 * @param qemu QEMU's system emulator, an absolute path or a name on PATH
 * @param accelerator what executes the instructions of guests whose spec says AUTO
 * @param monitorTimeout how long a monitor may take to greet, and to answer when a machine is looked
 *     at; after that the machine is unknown
 * @param commandTimeout how long a command that changes a machine may take
 * @param launchTimeout how long QEMU may take to come up
 * @param endTimeout how long QEMU may take to end, for each of quit, SIGTERM and SIGKILL
 * @param patience how long is waited for guests
 * @param launch how processes are confined and with what they are accompanied
 * @since 0.1
 */
public record KvmConfig(
    Path directory,
    String qemu,
    Accelerator accelerator,
    Duration monitorTimeout,
    Duration commandTimeout,
    Duration launchTimeout,
    Duration endTimeout,
    Patience patience,
    LaunchConfig launch) {
  /**
   * Checks paths and limits.
   *
   * @throws N0Exception INVALID if one is out of its range
   */
  public KvmConfig {
    Rules.absolutePath("kvm.directory", directory);
    if (!directory.toString().chars().allMatch(character -> character < 0x80)) {
      // Java writes other characters in the locale's encoding, which may be another at the next
      // start:
      // the directory would be another one then, without the machines.
      throw N0Exception.invalid("kvm.directory", directory, "must be ASCII");
    }
    Rules.text("kvm.qemu", qemu, 4096);
    Patience.requireTime("kvm.monitor-timeout", monitorTimeout);
    Patience.requireTime("kvm.command-timeout", commandTimeout);
    Patience.requireTime("kvm.launch-timeout", launchTimeout);
    Patience.requireTime("kvm.end-timeout", endTimeout);
    int longest = bytes(MachineDirectory.longestSocket(directory));
    if (longest > MachineDirectory.SOCKET_PATH_BYTES) {
      throw N0Exception.invalid(
          "kvm.directory",
          directory,
          "must be at most " + (MachineDirectory.SOCKET_PATH_BYTES - longest + bytes(directory))
              + " bytes long, because the paths of sockets below it are limited to "
              + MachineDirectory.SOCKET_PATH_BYTES);
    }
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  /**
   * Uses the defaults for all but the directory.
   *
   * @param directory where each machine has its directory
   * @return a configuration
   * @throws N0Exception INVALID if it is too long
   */
  public static KvmConfig of(Path directory) {
    return new KvmConfig(
        directory,
        "qemu-system-x86_64",
        Accelerator.AUTO,
        Duration.ofSeconds(3),
        Duration.ofSeconds(30),
        Duration.ofSeconds(30),
        Duration.ofSeconds(5),
        Patience.usual(),
        LaunchConfig.standard());
  }

  /**
   * Uses another emulator.
   *
   * @param program an absolute path or a name on PATH
   * @return a changed copy
   */
  public KvmConfig withQemu(String program) {
    return new KvmConfig(
        directory,
        program,
        accelerator,
        monitorTimeout,
        commandTimeout,
        launchTimeout,
        endTimeout,
        patience,
        launch);
  }

  /**
   * Uses another accelerator for guests whose spec says AUTO.
   *
   * @param which the accelerator
   * @return a changed copy
   */
  public KvmConfig withAccelerator(Accelerator which) {
    return new KvmConfig(
        directory,
        qemu,
        which,
        monitorTimeout,
        commandTimeout,
        launchTimeout,
        endTimeout,
        patience,
        launch);
  }

  /**
   * Gives QEMU more or less time to come up.
   *
   * @param limit the time
   * @return a changed copy
   */
  public KvmConfig withLaunchTimeout(Duration limit) {
    return new KvmConfig(
        directory,
        qemu,
        accelerator,
        monitorTimeout,
        commandTimeout,
        limit,
        endTimeout,
        patience,
        launch);
  }

  /**
   * Waits otherwise for guests.
   *
   * @param how how long is waited
   * @return a changed copy
   */
  public KvmConfig withPatience(Patience how) {
    return new KvmConfig(
        directory,
        qemu,
        accelerator,
        monitorTimeout,
        commandTimeout,
        launchTimeout,
        endTimeout,
        how,
        launch);
  }

  /**
   * Launches otherwise.
   *
   * @param how how processes are confined and with what they are accompanied
   * @return a changed copy
   */
  public KvmConfig withLaunch(LaunchConfig how) {
    return new KvmConfig(
        directory,
        qemu,
        accelerator,
        monitorTimeout,
        commandTimeout,
        launchTimeout,
        endTimeout,
        patience,
        how);
  }

  static KvmConfig read(PluginConfig config) {
    KvmConfig defaults = of(Path.of("/var/lib/n0core/kvm"));
    return new KvmConfig(
        config.path("directory", defaults.directory()),
        config.text("qemu").orElse(defaults.qemu()),
        config.choice("accelerator", Accelerator.class, defaults.accelerator()),
        config.seconds("monitor-timeout", defaults.monitorTimeout()),
        config.seconds("command-timeout", defaults.commandTimeout()),
        config.seconds("launch-timeout", defaults.launchTimeout()),
        config.seconds("end-timeout", defaults.endTimeout()),
        Patience.read(config),
        LaunchConfig.read(config));
  }
}
