package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control groups of machines with limits: one for each, named by the machine's uid, in every
 * hierarchy that enforces one of its limits. Both versions are looked for in the mount table; a host may
 * have both. See cgroups(7). Thread-safe.
 */
public final class Cgroups {
  private static final Logger LOG = LoggerFactory.getLogger(Cgroups.class);
  private static final long MOST_BFQ_WEIGHT = 1000;
  private static final String TRIAL = "n0core-trial-";
  private static final Duration LONGEST_TRIAL = Duration.ofMinutes(1);

  private record Hierarchy(Path mount, boolean unified, Set<String> controllers) {}

  private final Path mountTable;
  private final Path parent;
  private final Set<UUID> launching = ConcurrentHashMap.newKeySet();

  /**
   * Creates it; does not look.
   *
   * @param mountTable such as {@code /proc/self/mountinfo}
   * @param parent absolute path, below each hierarchy's root, of the group that holds the machines'
   */
  public Cgroups(Path mountTable, Path parent) {
    this.mountTable = mountTable;
    this.parent = Path.of("/").relativize(parent);
  }

  /**
   * Proves that this host can enforce limits.
   *
   * @param limits the limits
   * @throws N0Exception UNSUPPORTED naming the first limit that it cannot enforce
   */
  public void require(MachineSpec.Limits limits) {
    List<Hierarchy> all = hierarchies();
    for (Controller controller : Controller.values()) {
      if (controller.value(limits).isPresent()) {
        require(all, controller, controller.value(limits).get());
      }
    }
  }

  private static void require(List<Hierarchy> all, Controller controller, long value) {
    Hierarchy hierarchy = of(all, controller);
    boolean unified = hierarchy.unified();
    if (!unified && controller == Controller.IO && value > MOST_BFQ_WEIGHT) {
      throw unsupported(controller, "its weight is at most " + MOST_BFQ_WEIGHT + " here");
    }
    // Root groups do not have most files, so only a group of ours can show them.
    Path trial = hierarchy.mount().resolve(TRIAL + UUID.randomUUID());
    try {
      sweep(hierarchy.mount());
      if (unified) {
        delegate(hierarchy.mount(), controller.name(true));
      }
      Files.createDirectory(trial);
      try {
        for (String file : controller.settings(unified, value).keySet()) {
          if (Files.notExists(trial.resolve(file))) {
            throw unsupported(controller, "the kernel has no " + file);
          }
        }
      } finally {
        Files.delete(trial);
      }
    } catch (IOException e) {
      throw unsupported(controller, "groups cannot be made in " + hierarchy.mount() + ": " + e);
    }
  }

  /**
   * Removes the groups of trials whose agents were killed; one that cannot be removed is in nobody's way. An agent that is at
   * it needs its group for a moment only.
   */
  private static void sweep(Path mount) {
    Instant now = Instant.now();
    try (DirectoryStream<Path> trials = Files.newDirectoryStream(mount, TRIAL + "*")) {
      for (Path trial : trials) {
        if (Files.getLastModifiedTime(trial).toInstant().plus(LONGEST_TRIAL).isBefore(now)) {
          Files.deleteIfExists(trial);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      LOG.debug("groups of trials stay in {}: {}", mount, e.toString());
    }
  }

  /**
   * Makes a machine's groups, or sets the limits of those that are there, and keeps them from being
   * removed until {@link #launched}.
   *
   * @param machine the machine
   * @param limits its limits
   * @return the files that a process writes its number to in order to enter the groups
   * @throws N0Exception UNSUPPORTED as {@link #require}; UNAVAILABLE if a group cannot be made
   */
  public List<Path> create(UUID machine, MachineSpec.Limits limits) {
    launching.add(machine);
    List<Hierarchy> all = hierarchies();
    Set<Path> groups = new LinkedHashSet<>();
    for (Controller controller : Controller.values()) {
      if (controller.value(limits).isPresent()) {
        Hierarchy hierarchy = of(all, controller);
        long value = controller.value(limits).get();
        try {
          groups.add(create(hierarchy, machine, controller, value));
        } catch (IOException e) {
          throw new N0Exception(
              N0Exception.Code.UNAVAILABLE,
              machine.toString(),
              "limit machine " + machine + " by controller " + controller.name(hierarchy.unified())
                  + " to " + value + ": " + e,
              e);
        }
      }
    }
    return groups.stream().map(group -> group.resolve("cgroup.procs")).toList();
  }

  private Path create(Hierarchy hierarchy, UUID machine, Controller controller, long value)
      throws IOException {
    Path group = hierarchy.mount();
    for (Path step : parent.resolve(machine.toString())) {
      if (hierarchy.unified()) {
        delegate(group, controller.name(true));
      }
      group = group.resolve(step);
      try {
        Files.createDirectory(group);
      } catch (FileAlreadyExistsException e) {
        LOG.trace("{} is there", group);
      }
    }
    for (Map.Entry<String, String> setting :
        controller.settings(hierarchy.unified(), value).entrySet()) {
      Files.writeString(group.resolve(setting.getKey()), setting.getValue());
    }
    return group;
  }

  private static void delegate(Path group, String controller) throws IOException {
    Path file = group.resolve("cgroup.subtree_control");
    if (!List.of(Files.readString(file).strip().split(" ")).contains(controller)) {
      Files.writeString(file, "+" + controller);
    }
  }

  /**
   * Allows a machine's groups to be removed again: its process is in them, or will never be.
   *
   * @param machine the machine
   */
  public void launched(UUID machine) {
    launching.remove(machine);
  }

  /**
   * Removes a machine's groups unless a process is in them or one is just being launched. Does nothing if
   * there are none. A process that has been killed is in its groups for a moment longer than it holds its
   * locks.
   *
   * @param machine the machine
   * @return false if a group is still there, and need not be
   */
  public boolean remove(UUID machine) {
    if (launching.contains(machine)) {
      return true;
    }
    boolean removed = true;
    for (Hierarchy hierarchy : hierarchies()) {
      Path group = hierarchy.mount().resolve(parent).resolve(machine.toString());
      try {
        Files.deleteIfExists(group);
      } catch (NoSuchFileException e) {
        LOG.trace("{} is gone", group);
      } catch (DirectoryNotEmptyException e) {
        LOG.debug("{} is in use", group);
        removed = false;
      } catch (FileSystemException e) {
        LOG.debug("{} stays: {}", group, e.getReason());
        removed = false;
      } catch (IOException e) {
        LOG.warn("{} stays: {}", group, e.toString());
        removed = false;
      }
    }
    return removed;
  }

  private static Hierarchy of(List<Hierarchy> all, Controller controller) {
    return all.stream()
        .filter(h -> h.controllers().contains(controller.name(h.unified())))
        .findFirst()
        .orElseThrow(() -> unsupported(controller, "no mounted hierarchy has it"));
  }

  private static N0Exception unsupported(Controller controller, String why) {
    String name = controller.name(false).equals(controller.name(true))
        ? controller.name(true)
        : controller.name(true) + " (" + controller.name(false) + ")";
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        "limits",
        "unsupported limits: controller " + name + " of control groups is missing: " + why);
  }

  private List<Hierarchy> hierarchies() {
    List<Hierarchy> found = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(mountTable)) {
        // proc_pid_mountinfo(5): id parent device root mount options [tags] - type source options
        String[] halves = line.split(" - ", 2);
        String[] left = halves[0].split(" ", -1);
        String[] right = halves.length == 2 ? halves[1].split(" ", -1) : new String[0];
        if (left.length >= 5 && right.length >= 3) {
          Path mount = Path.of(left[4].replace("\\040", " "));
          if (right[0].equals("cgroup")) {
            found.add(new Hierarchy(mount, false, Set.of(right[2].split(","))));
          } else if (right[0].equals("cgroup2")) {
            String all = Files.readString(mount.resolve("cgroup.controllers")).strip();
            found.add(new Hierarchy(mount, true, Set.of(all.split(" "))));
          }
        }
      }
      return found;
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "limits", "look for control groups: " + e, e);
    }
  }
}
