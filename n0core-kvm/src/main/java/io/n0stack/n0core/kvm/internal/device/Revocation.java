package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.VolumeAccess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Takes back what QEMU's user was allowed of disks and media that its machine has no more. */
final class Revocation {
  private final Found found;
  private final MachineDirectory directory;
  private final List<VolumeStatus> wanted;

  /**
   * Creates it.
   *
   * @param monitor the machine, which tells what it has open
   * @param run its launch
   * @param wanted what may be about to be plugged in
   */
  Revocation(Monitor monitor, Run run, Collection<VolumeStatus> wanted) {
    found = new Found(monitor);
    directory = MachineDirectory.of(run);
    this.wanted = List.copyOf(wanted);
  }

  /** Takes back what was allowed of the layers of a disk that is gone; nothing if its volume is wanted again. */
  void of(Collection<Path> files) {
    Set<Path> gone = new LinkedHashSet<>(files);
    if (wanted.stream().noneMatch(volume -> gone.contains(volume.path()))) {
      VolumeAccess.takeBack(directory, gone, this::needed);
    }
  }

  private Collection<String> needed() {
    List<String> names = new ArrayList<>(found.nodes().values());
    for (VolumeStatus volume : wanted) {
      names.add(volume.path().toString());
      volume.backingImage().ifPresent(image -> names.add(image.toString()));
    }
    return names;
  }
}
