package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.record.Addresses;

/** Keeps guests from writing to volumes that nobody may write to, as those on which other volumes lie. */
public final class WritableDisks {
  private WritableDisks() {}

  /**
   * Says whether a guest can write to a disk.
   *
   * @param disk the disk
   * @return false for a CD-ROM
   */
  public static boolean isWritable(Disk disk) {
    return Addresses.model(disk) != DiskModel.CDROM;
  }

  /**
   * Refuses a volume that must not be written to.
   *
   * @param machine whose guest would write
   * @param name the volume's name
   * @param volume the volume
   * @throws N0Exception PRECONDITION, saying why
   */
  public static void require(ResourceId machine, String name, VolumeStatus volume) {
    volume.readOnly().ifPresent(why -> {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "disk.volume",
          "open volume " + Rules.quote(name) + " as a writable disk of " + machine
              + ": it must not be written to: " + why);
    });
  }

  /**
   * Looks once more at a disk that QEMU has open by now. Whoever makes a volume that lies on it records that first and
   * then looks whether somebody may write to it: one of the two sees the other.
   */
  static void requireStill(Context cx, ResourceId machine, Disk disk) {
    require(
        machine, disk.volume(), cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class));
  }
}
