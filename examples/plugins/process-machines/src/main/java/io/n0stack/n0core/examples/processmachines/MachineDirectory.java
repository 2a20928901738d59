package io.n0stack.n0core.examples.processmachines;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One machine on disk. Its directory {@code NAME.UID} is the stamp, and is renamed to {@code
 * .del-NAME.UID} before anything of the machine is ended or deleted.
 *
 * @param root where all machines are
 * @param id the machine
 */
record MachineDirectory(Path root, ResourceId id) {
  private static final Pattern STAMP =
      Pattern.compile("(\\.del-)?(?<name>[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)"
          + "\\.(?<uid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})");

  static Set<ResourceId> list(Path root) throws IOException {
    Set<ResourceId> ids = new HashSet<>();
    for (Path path : entries(root, "*")) {
      Matcher stamp = STAMP.matcher(path.getFileName().toString());
      if (stamp.matches()) {
        UUID uid = UUID.fromString(stamp.group("uid"));
        ids.add(new ResourceId(ComputeDriver.KIND, stamp.group("name"), uid));
      }
    }
    return ids;
  }

  Path path() {
    return root.resolve(id.name() + "." + id.uid());
  }

  Path doomed() {
    return root.resolve(".del-" + id.name() + "." + id.uid());
  }

  /** Says whether it is there and not being deleted. */
  boolean exists() {
    return Files.exists(path());
  }

  void create() throws IOException {
    Files.createDirectory(path());
  }

  /** Looks; empty is a proof, because the root could be read. */
  Optional<MachineStatus> find() throws IOException {
    List<Path> all = entries(root, "*");
    if (all.contains(doomed())) {
      return Optional.of(status(doomed()));
    }
    return all.contains(path()) ? Optional.of(status(path())) : Optional.empty();
  }

  private static MachineStatus status(Path directory) throws IOException {
    List<Path> launches = entries(directory, "run.*");
    if (launches.isEmpty()) {
      return status(MachineState.PREPARED, Optional.empty(), directory.resolve("serial.log"));
    }
    Launch launch = new Launch(launches.get(0));
    MachineState state = launch.state();
    boolean runs = state == MachineState.RUNNING || state == MachineState.PAUSED;
    return status(state, runs ? launch.pid() : Optional.empty(), launch.log());
  }

  private static MachineStatus status(MachineState state, Optional<Long> pid, Path log) {
    return new MachineStatus(state, pid, Accelerator.AUTO, log);
  }

  /** Returns the launch in force, of which there is one wherever {@link #find} told of a process. */
  Launch launch() throws IOException {
    return new Launch(entries(path(), "run.*").get(0));
  }

  Launch freshLaunch() {
    return new Launch(path().resolve("run." + UUID.randomUUID()));
  }

  /**
   * Ends all earlier launches. Renames them first: a process that was forked but has not come as far
   * as its lock cannot be seen, and dies of that.
   */
  void fence() throws IOException {
    for (Path launch : entries(path(), "run.*")) {
      String fenced = launch.getFileName().toString().replace("run.", "old.");
      Files.move(launch, launch.resolveSibling(fenced), StandardCopyOption.ATOMIC_MOVE);
    }
    for (Path launch : entries(path(), "old.*")) {
      new Launch(launch).end();
      removeTree(launch);
    }
  }

  /** Renames it aside, which fences all launches in it. */
  void doom() throws IOException {
    Files.move(path(), doomed(), StandardCopyOption.ATOMIC_MOVE);
  }

  void endDoomed() throws IOException {
    for (Path launch : entries(doomed(), "{run,old}.*")) {
      new Launch(launch).end();
    }
  }

  void removeDoomed() throws IOException {
    removeTree(doomed());
  }

  private static void removeTree(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      for (Path entry : entries(path, "*")) {
        removeTree(entry);
      }
    }
    Files.deleteIfExists(path);
  }

  private static List<Path> entries(Path directory, String glob) throws IOException {
    List<Path> all = new ArrayList<>();
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory, glob)) {
      paths.forEach(all::add);
      return all;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }
}
