package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The programs through which a process is started so that it can do as little as possible: each replaces
 * itself by the next, so that the process keeps its number. QEMU's own {@code -runas} and {@code
 * -daemonize} cannot be used together with its whole sandbox.
 *
 * @param owner whom it runs as, empty for the agent's user
 * @param devices what it must open, whose groups it therefore gets if need be
 * @param groups files that its number is written to in order to enter control groups
 * @param outer the command lines of further programs to start it through, such as systemd-run
 * @param privileges what becomes of the agent's privileges
 */
public record Confinement(
    Optional<Owner> owner,
    List<Path> devices,
    List<Path> groups,
    List<String> outer,
    Privileges privileges) {
  /** What becomes of the agent's privileges. */
  public enum Privileges {
    /** They are lost for good. */
    LOST,
    /** They are kept; for a program that cannot work without and drops them itself. */
    KEPT
  }

  private static final int MOST_FILES = 65_536;
  private static final int CAP_SETPCAP = 8; // linux/capability.h
  private static final int CAP_SYS_ADMIN = 21;
  private static final Path SYSTEMD = Path.of("/run/systemd/system"); // sd_booted(3)
  // What it makes is for its user alone. No core: it would hold the guest's memory.
  private static final String PREPARE = "umask 077; ulimit -c 0; ulimit -n \"$1\"; shift; "
      + "while [ \"$1\" != -- ]; do echo $$ > \"$1\" || exit 125; shift; done; shift; exec \"$@\"";

  /** Copies the lists. */
  public Confinement {
    devices = List.copyOf(devices);
    groups = List.copyOf(groups);
    outer = List.copyOf(outer);
  }

  /**
   * Confines a process that needs no device and has no limits.
   *
   * @param privileges what becomes of the agent's privileges
   * @return the confinement, for the agent's user
   */
  public static Confinement of(Privileges privileges) {
    return new Confinement(Optional.empty(), List.of(), List.of(), List.of(), privileges);
  }

  /**
   * Has a process run as somebody.
   *
   * @param who who
   * @return a changed copy
   */
  public Confinement as(Owner who) {
    return new Confinement(Optional.of(who), devices, groups, outer, privileges);
  }

  /**
   * Starts a process through further programs.
   *
   * @param programs the beginning of a command line
   * @return a changed copy
   */
  public Confinement through(List<String> programs) {
    return new Confinement(owner, devices, groups, programs, privileges);
  }

  /**
   * Has a process write its number to one more file.
   *
   * @param file the file
   * @return a changed copy
   */
  public Confinement noting(Path file) {
    List<Path> all = new ArrayList<>(groups);
    all.add(file);
    return new Confinement(owner, devices, all, outer, privileges);
  }

  /**
   * Puts a command behind the programs that confine it.
   *
   * @param command the command
   * @return the longer command
   */
  public List<String> around(List<String> command) {
    List<String> all = new ArrayList<>(outer);
    all.addAll(List.of("sh", "-c", PREPARE, "sh", String.valueOf(openFiles())));
    groups.forEach(file -> all.add(file.toString()));
    // Its own session: a Ctrl-C in the agent's terminal must not reach the guest.
    all.addAll(List.of("--", "setsid"));
    if (privileges == Privileges.LOST) {
      unprivileged(all);
    }
    all.addAll(command);
    return List.copyOf(all);
  }

  private void unprivileged(List<String> all) {
    all.addAll(List.of("setpriv", "--no-new-privs", "--inh-caps=-all"));
    if (mayDropCapabilities()) {
      all.add("--bounding-set=-all");
    }
    owner.ifPresent(who -> {
      all.add("--reuid=" + who.uid());
      all.add("--regid=" + who.gid());
      String gids = devices.stream()
          .flatMap(device -> groupFor(device, who).stream())
          .distinct()
          .map(String::valueOf)
          .collect(Collectors.joining(","));
      all.add(gids.isEmpty() ? "--clear-groups" : "--groups=" + gids);
    });
  }

  /** A hard limit cannot be raised by everybody. */
  private static long openFiles() {
    String value = ofThisProcess("limits", "Max open files").replaceFirst("\\S+\\s+(\\S+).*", "$1");
    return value.matches("\\d+") ? Math.min(MOST_FILES, Long.parseLong(value)) : MOST_FILES;
  }

  /** The bounding set is for who has this capability; whoever lacks it has nothing to pass on. */
  private static boolean mayDropCapabilities() {
    return holds(CAP_SETPCAP);
  }

  private static boolean holds(int capability) {
    String held = ofThisProcess("status", "CapEff:");
    return !held.isEmpty() && (Long.parseUnsignedLong(held, 16) >> capability & 1) == 1;
  }

  /**
   * Says whether the agent may change namespaces and roots.
   *
   * @return true if it has the capability
   */
  public static boolean privileged() {
    return holds(CAP_SYS_ADMIN);
  }

  private static String ofThisProcess(String file, String key) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self", file))) {
      return lines
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(key.length()).strip())
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "process", "look at /proc/self/" + file + ": " + e, e);
    }
  }

  private static Optional<Long> groupFor(Path device, Owner who) {
    Access access = Access.of(device);
    if (access.allows(who, Access.READ_WRITE)) {
      return Optional.empty();
    }
    if (!access.groupAllows(Access.READ_WRITE)) {
      throw new N0Exception(
          N0Exception.Code.PERMISSION,
          device.toString(),
          "open " + device + " as user " + who.uid()
              + ": neither the user nor a group may; give it a group, as packages of QEMU do");
    }
    return Optional.of(access.gid());
  }

  /**
   * Proves that this host has systemd.
   *
   * @throws N0Exception UNSUPPORTED if it has not
   */
  public static void requireSystemd() {
    boolean installed = Programs.installed("systemd-run");
    if (!installed || !Files.isDirectory(SYSTEMD)) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "kvm.systemd-scope",
          "unsupported kvm.systemd-scope on: "
              + (installed ? "systemd does not run here" : "there is no systemd-run"));
    }
  }

  /**
   * Returns the command that puts its argument into a scope of systemd, with a machine's limits.
   *
   * @param machine the machine
   * @param launch a name for its launch, since a scope may end later than the process in it
   * @param limits its limits
   * @return the beginning of a command line
   */
  public static List<String> scope(UUID machine, String launch, MachineSpec.Limits limits) {
    String unit = "n0core-" + machine + "-" + launch + ".scope";
    List<String> all = new ArrayList<>(
        List.of("systemd-run", "--scope", "--quiet", "--collect", "--unit=" + unit));
    for (Controller controller : Controller.values()) {
      controller
          .value(limits)
          .ifPresent(value -> all.add("--property=" + controller.property(value)));
    }
    all.add("--");
    return List.copyOf(all);
  }
}
