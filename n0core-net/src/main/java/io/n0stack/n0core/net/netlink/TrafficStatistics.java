package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.Attributes;

/**
 * What a queueing discipline, class or action has done, {@code TCA_STATS2} of {@code
 * linux/gen_stats.h}. All are unsigned numbers, of 64 bits for bytes, and for packets where the kernel
 * has them, of 32 bits for the rest.
 *
 * @param bytes sent
 * @param packets sent
 * @param dropped packets for which there was no room
 * @param overLimit how often a packet had to wait or was refused for the rate
 * @param queuedBytes waiting now
 * @param queuedPackets waiting now
 * @since 0.1
 */
public record TrafficStatistics(
    long bytes, long packets, long dropped, long overLimit, long queuedBytes, long queuedPackets) {
  static final TrafficStatistics NONE = new TrafficStatistics(0, 0, 0, 0, 0, 0);

  static TrafficStatistics read(Attributes groups) {
    long bytes = 0;
    long packets = 0;
    long packets64 = 0;
    int[] queue = new int[5]; // struct gnet_stats_queue
    while (groups.advance()) {
      switch (groups.type()) {
        case TrafficNumbers.TCA_STATS_BASIC -> {
          bytes = groups.longNumber(0);
          packets = Integer.toUnsignedLong(groups.number(Long.BYTES));
        }
        case TrafficNumbers.TCA_STATS_PKT64 -> packets64 = groups.longNumber();
        case TrafficNumbers.TCA_STATS_QUEUE -> {
          for (int i = 0; i < queue.length; i++) {
            queue[i] = groups.number(i * Integer.BYTES);
          }
        }
        default -> {
          // estimated rates, and what is particular to a kind
        }
      }
    }
    return new TrafficStatistics(
        bytes,
        packets64 != 0 ? packets64 : packets,
        Integer.toUnsignedLong(queue[2]),
        Integer.toUnsignedLong(queue[4]),
        Integer.toUnsignedLong(queue[1]),
        Integer.toUnsignedLong(queue[0]));
  }
}
