package io.n0stack.n0core.api.compute;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a machine has used since its emulator was started. All counters are unsigned 64-bit numbers, see {@link
 * Long#toUnsignedString(long)}, and begin at zero with each start.
 *
 * @param cpuTime time that all threads of the emulator have run
 * @param vcpuTimes time that each virtual CPU has run, the guest's own and the emulator's for it, in their order
 * @param residentBytes memory of the host that the emulator takes now
 * @param balloonBytes memory that the guest may use now; empty for a machine without a balloon
 * @param guestMemory what the guest says of its memory, by QEMU's names such as {@code stat-available-memory};
 *     empty if it says nothing
 * @param disks the disks, by the names of their volumes' block nodes
 * @param nics the NICs whose taps can be seen
 * @since 0.1
 */
public record MachineUsage(
    Duration cpuTime,
    List<Duration> vcpuTimes,
    long residentBytes,
    Optional<Long> balloonBytes,
    Map<String, Long> guestMemory,
    List<Disk> disks,
    List<Nic> nics) {
  /** Copies the lists. */
  public MachineUsage {
    vcpuTimes = List.copyOf(vcpuTimes);
    guestMemory = Map.copyOf(guestMemory);
    disks = List.copyOf(disks);
    nics = List.copyOf(nics);
  }

  /**
   * What has gone through a disk.
   *
   * @param name the disk's block node, such as {@code disk-root}
   * @param readBytes bytes that the guest read
   * @param writtenBytes bytes that the guest wrote
   * @param reads read requests
   * @param writes write requests
   * @param flushes flush requests
   * @param readTime total time of the reads
   * @param writeTime total time of the writes
   */
  public record Disk(
      String name,
      long readBytes,
      long writtenBytes,
      long reads,
      long writes,
      long flushes,
      Duration readTime,
      Duration writeTime) {}

  /**
   * What has gone through a NIC, as the guest sees it.
   *
   * @param tap the tap on the host
   * @param receivedBytes bytes that the guest received
   * @param receivedPackets packets that the guest received
   * @param sentBytes bytes that the guest sent
   * @param sentPackets packets that the guest sent
   * @param receiveDrops packets to the guest that were dropped
   */
  public record Nic(
      String tap,
      long receivedBytes,
      long receivedPackets,
      long sentBytes,
      long sentPackets,
      long receiveDrops) {}
}
