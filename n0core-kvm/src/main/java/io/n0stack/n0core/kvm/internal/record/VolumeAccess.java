package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.launch.AccessList;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Lets a machine's user into the files of its volumes by access control lists, so that images can be shared
 * and stay the agent's. Only what the volume's driver names is opened up: a header of an image that the
 * guest's process writes could name anything. What was opened up is recorded first and shut again with the
 * machine, because its user's number will be another machine's.
 */
public final class VolumeAccess {
  private static final int TURNS = 64;
  private static final int LOOKS = 3;
  private static final List<Turn> ALL = Stream.generate(Turn::new).limit(TURNS).toList();

  private VolumeAccess() {}

  /**
   * What one thread opens up for a user another may be about to shut. It is held while lists are changed, and not while a
   * QEMU is asked, which may stand still: machines of one user would wait for each other.
   */
  private static final class Turn {
    // How often something was opened up, or a command ended for which that was.
    private long changes;
    // Files that some QEMU is just being told to open: it may have them open before a look can
    // tell.
    private final List<Set<Path>> lent = new ArrayList<>();

    synchronized long changes() {
      return changes;
    }

    synchronized void open(Runnable opening) {
      changes++;
      opening.run();
    }

    synchronized void lend(Set<Path> files, Runnable opening) {
      open(opening);
      lent.add(files);
    }

    synchronized void giveBack(Set<Path> files) {
      changes++;
      lent.remove(files);
    }
  }

  private static Turn turn(Owner who) {
    return ALL.get((int) Long.remainderUnsigned(who.uid(), TURNS));
  }

  /**
   * Lets the machine's user write a volume, make overlays beside it, and read its backing image.
   * Does nothing if the machine has no user of its own.
   *
   * @param directory the machine's directory, which records what was opened up before it is
   * @param name the volume's name
   * @param volume the volume
   * @throws N0Exception UNSUPPORTED if the file system has no access control lists; UNAVAILABLE if they cannot be changed
   */
  public static void allow(MachineDirectory directory, String name, VolumeStatus volume) {
    Optional<Owner> owner = directory.owner();
    if (owner.isEmpty()) {
      return;
    }
    turn(owner.get())
        .open(() -> allow(new OpenedFiles(directory.current()), owner.get(), name, volume));
  }

  private static void allow(OpenedFiles opened, Owner who, String name, VolumeStatus volume) {
    Path disk = volume.path();
    Path place = disk.resolveSibling("");
    List<Path> files = new ArrayList<>(List.of(disk, place));
    volume.backingImage().ifPresent(files::add);
    Set<Path> all = new LinkedHashSet<>(files);
    files.forEach(file -> all.addAll(AccessList.shutAbove(file, who)));
    opened.add(name, all);
    AccessList.allowWriting(disk, who);
    AccessList.allowWritingFuture(place, who); // overlays of snapshots are made beside it
    AccessList.allowReaching(disk, who);
    volume.backingImage().ifPresent(image -> {
      AccessList.allowReading(image, who);
      AccessList.allowReaching(image, who);
    });
  }

  /**
   * Lets QEMU open what the driver of volumes tells it to open: overlays, copies.
   *
   * @param directory the machine's directory, which records what was opened up before it is
   * @param arguments a command's, in which each {@code filename} is a file, read only where it says
   *     so
   * @param command the command, after which QEMU has the files open
   * @param <R> what it returns
   * @return what it returned
   * @throws N0Exception UNSUPPORTED if the file system has no access control lists; UNAVAILABLE if they cannot be changed
   */
  public static <R> R allowing(
      MachineDirectory directory, Map<String, ?> arguments, Supplier<R> command) {
    Optional<Owner> owner = directory.owner();
    if (owner.isEmpty() || !namesFiles(arguments)) {
      return command.get();
    }
    Turn turn = turn(owner.get());
    Set<Path> lent = files(arguments);
    turn.lend(lent, () -> openAll(directory, owner.get(), arguments, false));
    try {
      return command.get();
    } finally {
      turn.giveBack(lent);
    }
  }

  private static boolean namesFiles(Map<?, ?> node) {
    return node.containsKey("filename")
        || node.values().stream()
            .anyMatch(value -> value instanceof Map<?, ?> inner && namesFiles(inner));
  }

  private static Set<Path> files(Map<?, ?> node) {
    Set<Path> files = new LinkedHashSet<>();
    if (node.get("filename") instanceof String name && name.startsWith("/")) {
      files.add(Path.of(name));
    }
    node.values().stream()
        .filter(Map.class::isInstance)
        .forEach(inner -> files.addAll(files((Map<?, ?>) inner)));
    return files;
  }

  private static void openAll(
      MachineDirectory directory, Owner who, Map<?, ?> node, boolean readOnlyAbove) {
    boolean readOnly = readOnlyAbove || Boolean.TRUE.equals(node.get("read-only"));
    if (node.get("filename") instanceof String name && name.startsWith("/")) {
      Path file = Path.of(name);
      Set<Path> all = new LinkedHashSet<>(AccessList.shutAbove(file, who));
      all.add(file);
      new OpenedFiles(directory.current()).add(all);
      AccessList.allowReaching(file, who);
      if (readOnly) {
        AccessList.allowReading(file, who);
      } else {
        AccessList.allowWriting(file, who);
      }
    }
    for (Object value : node.values()) {
      if (value instanceof Map<?, ?> inner) {
        openAll(directory, who, inner, readOnly);
      }
    }
  }

  /**
   * Takes back what the machine's user was allowed of files that the machine has no more, and of the directories above
   * them. What is needed for anything else stays as it is. Does nothing if the machine has no user of its own. Idempotent.
   *
   * @param directory the machine's directory
   * @param gone the files
   * @param needed looks which files the machine has and is to have, by names or by what else tells their names; it is
   *     asked again if something was opened up meanwhile; what it throws is thrown, and nothing is taken back
   * @throws N0Exception UNAVAILABLE if the lists cannot be changed
   */
  public static void takeBack(
      MachineDirectory directory, Collection<Path> gone, Supplier<Collection<String>> needed) {
    Optional<Owner> owner = directory.owner();
    if (owner.isEmpty() || gone.isEmpty()) {
      return;
    }
    Turn turn = turn(owner.get());
    for (int look = 1; look < LOOKS; look++) {
      long before = turn.changes();
      Collection<String> names = needed.get();
      synchronized (turn) {
        if (turn.changes() == before) {
          shut(directory, owner.get(), gone, names, turn);
          return;
        }
      }
    }
    synchronized (turn) { // others are opening all the time
      shut(directory, owner.get(), gone, needed.get(), turn);
    }
  }

  private static void shut(
      MachineDirectory directory,
      Owner who,
      Collection<Path> gone,
      Collection<String> needed,
      Turn turn) {
    NeededFiles kept = new NeededFiles(needed);
    addOthers(directory, who, kept);
    turn.lent.forEach(kept::add);
    OpenedFiles opened = new OpenedFiles(directory.current());
    Set<Path> shut = gone(gone, opened.all(), kept);
    shut.forEach(file -> AccessList.deny(file, who));
    List<Path> rest = opened.all().stream().filter(file -> !shut.contains(file)).toList();
    kept.add(rest.stream().filter(file -> !Files.isDirectory(file)).toList());
    List<Path> above = rest.stream()
        .filter(Files::isDirectory)
        .filter(place -> shut.stream()
            .anyMatch(file -> NeededFiles.real(file).startsWith(NeededFiles.real(place))))
        .filter(place -> !kept.has(place) && !kept.below(place))
        .toList();
    above.forEach(place -> AccessList.deny(place, who));
    shut.addAll(above);
    opened.remove(shut);
  }

  /**
   * Lists what was opened for volumes that the machine is not to have.
   *
   * @param directory the machine's directory
   * @param volumes the names of those that it is to have
   * @return the files, none if the machine has no user of its own
   */
  public static List<Path> obsolete(MachineDirectory directory, Collection<String> volumes) {
    return directory.owner().isEmpty()
        ? List.of()
        : new OpenedFiles(directory.current()).without(volumes);
  }

  /** Returns those files by all the names that are on record, without what is needed. */
  private static Set<Path> gone(Collection<Path> gone, List<Path> opened, NeededFiles kept) {
    Set<Path> all = new LinkedHashSet<>(gone);
    all.removeIf(Files::isDirectory);
    NeededFiles named = new NeededFiles(List.of());
    named.add(all);
    opened.stream().filter(file -> !Files.isDirectory(file) && named.has(file)).forEach(all::add);
    all.removeIf(kept::has);
    return all;
  }

  /** Machines that run as one user may share images, and share the directories that they are in. */
  private static void addOthers(MachineDirectory directory, Owner who, NeededFiles kept) {
    directory.othersOf(who).forEach(other -> kept.add(new OpenedFiles(other).all()));
  }

  /** Takes back all that was allowed and no other machine of the same user needs. */
  static void deny(MachineDirectory directory) {
    directory.owner().ifPresent(who -> {
      synchronized (turn(who)) {
        NeededFiles kept = new NeededFiles(List.of());
        addOthers(directory, who, kept);
        new OpenedFiles(directory.current())
            .all().stream()
                .filter(file -> !kept.has(file) && !kept.below(file))
                .forEach(file -> AccessList.deny(file, who));
      }
    });
  }
}
