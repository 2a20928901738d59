package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * How much a link has carried since it exists, {@code struct rtnl_link_stats64} of {@code
 * linux/if_link.h}. All counters are unsigned 64-bit numbers.
 *
 * @param index the link
 * @param receivedPackets good packets
 * @param sentPackets good packets
 * @param receivedBytes in good packets
 * @param sentBytes in good packets
 * @param receiveErrors bad packets
 * @param sendErrors packets that could not be sent
 * @param receiveDropped packets for which there was no room or no use
 * @param sendDropped packets for which there was no room
 * @param multicast multicast packets received
 * @since 0.1
 */
public record LinkStatistics(
    int index,
    long receivedPackets,
    long sentPackets,
    long receivedBytes,
    long sentBytes,
    long receiveErrors,
    long sendErrors,
    long receiveDropped,
    long sendDropped,
    long multicast) {

  static @Nullable LinkStatistics decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    if (Short.toUnsignedInt(bytes.getShort(from + 4)) != Rtnetlink.RTM_NEWLINK
        || to - body < Rtnetlink.IFINFO) {
      return null;
    }
    Attributes attributes = new Attributes(bytes, body + Rtnetlink.IFINFO, to);
    while (attributes.advance()) {
      if (attributes.type() == Rtnetlink.IFLA_STATS64) {
        return counters(bytes.getInt(body + Rtnetlink.IFINFO_INDEX), attributes);
      }
    }
    return null;
  }

  private static LinkStatistics counters(int index, Attributes structure) {
    long[] counters = new long[9];
    for (int i = 0; i < counters.length; i++) {
      counters[i] = structure.longNumber(i * Long.BYTES);
    }
    return new LinkStatistics(
        index,
        counters[0],
        counters[1],
        counters[2],
        counters[3],
        counters[4],
        counters[5],
        counters[6],
        counters[7],
        counters[8]);
  }
}
