package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * Tells whose the block devices are that QEMU lists. A disk on a bus of disks goes by its id; one that is a device of
 * the board, by the path of a part of it.
 */
public final class BlockDevices {
  private static final String PERIPHERAL = "/machine/peripheral/";
  private static final String DISK = "disk-";

  private BlockDevices() {}

  /**
   * Says whether a block device belongs to a device.
   *
   * @param block an entry of {@code query-block} or {@code query-blockstats}
   * @param id the device's id
   * @return true if it does
   */
  public static boolean belongs(QmpResult block, String id) {
    String qdev = qdev(block);
    String path = PERIPHERAL + id;
    return qdev.equals(id) || qdev.equals(path) || qdev.startsWith(path + "/");
  }

  /**
   * Says whether a block device is one of the disks that the machine's spec has.
   *
   * @param block an entry of {@code query-block} or {@code query-blockstats}
   * @return true if it is
   */
  public static boolean disk(QmpResult block) {
    String qdev = qdev(block);
    return qdev.startsWith(DISK) || qdev.startsWith(PERIPHERAL + DISK);
  }

  private static String qdev(QmpResult block) {
    return block.find("/qdev").map(qdev -> qdev.text("")).orElse("");
  }
}
