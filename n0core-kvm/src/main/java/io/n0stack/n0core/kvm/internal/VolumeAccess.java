package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.launch.AccessList;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Lets a machine's user into the files of its volumes by access control lists, so that images can be shared
 * and stay the agent's. Only what the volume's driver names is opened up: a header of an image that the
 * guest's process writes could name anything. What was opened up is recorded first and shut again with the
 * machine, because its user's number will be another machine's.
 */
final class VolumeAccess {
  private VolumeAccess() {}

  static void allow(MachineDirectory directory, VolumeStatus volume) {
    Optional<Owner> owner = directory.owner();
    if (owner.isEmpty()) {
      return;
    }
    Owner who = owner.get();
    Path disk = volume.path();
    Path place = disk.resolveSibling("");
    List<Path> files = new ArrayList<>(List.of(disk, place));
    volume.backingImage().ifPresent(files::add);
    Set<Path> all = new LinkedHashSet<>(files);
    files.forEach(file -> all.addAll(AccessList.shutAbove(file, who)));
    directory.recordOpened(all);
    AccessList.allowWriting(disk, who);
    AccessList.allowWritingFuture(place, who); // overlays of snapshots are made beside it
    AccessList.allowReaching(disk, who);
    volume.backingImage().ifPresent(image -> {
      AccessList.allowReading(image, who);
      AccessList.allowReaching(image, who);
    });
  }

  /** Lets QEMU open what the driver of volumes tells it to open: overlays, copies. */
  static void allow(MachineDirectory directory, Map<String, ?> arguments) {
    directory.owner().ifPresent(who -> allow(directory, who, arguments, false));
  }

  private static void allow(
      MachineDirectory directory, Owner who, Map<?, ?> node, boolean readOnlyAbove) {
    boolean readOnly = readOnlyAbove || Boolean.TRUE.equals(node.get("read-only"));
    if (node.get("filename") instanceof String name && name.startsWith("/")) {
      Path file = Path.of(name);
      Set<Path> all = new LinkedHashSet<>(AccessList.shutAbove(file, who));
      all.add(file);
      directory.recordOpened(all);
      AccessList.allowReaching(file, who);
      if (readOnly) {
        AccessList.allowReading(file, who);
      } else {
        AccessList.allowWriting(file, who);
      }
    }
    for (Object value : node.values()) {
      if (value instanceof Map<?, ?> inner) {
        allow(directory, who, inner, readOnly);
      }
    }
  }

  /** Takes back all that was allowed. */
  static void deny(MachineDirectory directory) {
    directory
        .owner()
        .ifPresent(who -> directory.opened().forEach(file -> AccessList.deny(file, who)));
  }
}
