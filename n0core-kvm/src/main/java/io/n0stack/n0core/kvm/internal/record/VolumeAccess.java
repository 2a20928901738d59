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
  private static final int LOCKS = 64;
  private static final Object[] HELD = Stream.generate(Object::new).limit(LOCKS).toArray();

  private VolumeAccess() {}

  /** What one thread opens up for a user another may be about to shut. */
  private static Object lock(Owner who) {
    return HELD[(int) Long.remainderUnsigned(who.uid(), LOCKS)];
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
    synchronized (lock(owner.get())) {
      allow(new OpenedFiles(directory.current()), owner.get(), name, volume);
    }
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
    synchronized (lock(owner.get())) {
      openAll(directory, owner.get(), arguments, false);
      return command.get();
    }
  }

  private static boolean namesFiles(Map<?, ?> node) {
    return node.containsKey("filename")
        || node.values().stream()
            .anyMatch(value -> value instanceof Map<?, ?> inner && namesFiles(inner));
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
   * @param needed looks, while nobody opens up anything, which files the machine has and is to have, by names or by
   *     what else tells their names; what it throws is thrown, and nothing is taken back
   * @throws N0Exception UNAVAILABLE if the lists cannot be changed
   */
  public static void takeBack(
      MachineDirectory directory, Collection<Path> gone, Supplier<Collection<String>> needed) {
    Optional<Owner> owner = directory.owner();
    if (owner.isEmpty() || gone.isEmpty()) {
      return;
    }
    Owner who = owner.get();
    synchronized (lock(who)) {
      NeededFiles kept = new NeededFiles(needed.get());
      addOthers(directory, who, kept);
      OpenedFiles opened = new OpenedFiles(directory.current());
      Set<Path> shut = gone(gone, opened.all(), kept);
      shut.forEach(file -> AccessList.deny(file, who));
      List<Path> rest =
          opened.all().stream().filter(file -> !shut.contains(file)).toList();
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
      synchronized (lock(who)) {
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
