package io.n0stack.n0core.net;

import io.n0stack.n0core.api.network.MacAddress;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** DHCP as it is on the wire, RFC 2131. */
final class DhcpFrames {
  static final int ACK = 5;
  static final int NAK = 6;
  private static final int IPV4 = 14;
  private static final int UDP = IPV4 + 20;
  private static final int BOOTP = UDP + 8;
  private static final int OPTIONS = BOOTP + 240;
  private static final int LENGTH = BOOTP + 300;

  private DhcpFrames() {}

  /** A DHCPREQUEST as after a reboot, whose answer is broadcast. */
  static ByteBuffer request(MacAddress mac, InetAddress wanted, int transaction) {
    ByteBuffer frame = ByteBuffer.allocateDirect(LENGTH);
    frame.put(new byte[] {-1, -1, -1, -1, -1, -1}).put(mac.octets()).putShort((short) 0x0800);
    frame.putShort((short) 0x4500).putShort((short) (LENGTH - IPV4)).putInt(0);
    frame.put((byte) 64).put((byte) 17).putShort((short) 0).putInt(0).putInt(-1);
    frame.putShort(IPV4 + 10, (short) ~checksum(frame));
    frame.putShort((short) 68).putShort((short) 67);
    frame.putShort((short) (LENGTH - UDP)).putShort((short) 0);
    frame.put(new byte[] {1, 1, 6, 0}).putInt(transaction).putShort((short) 0);
    frame.putShort((short) 0x8000).position(BOOTP + 28).put(mac.octets());
    frame.position(OPTIONS - 4).putInt(0x6382_5363);
    frame.put(new byte[] {53, 1, 3, 50, 4}).put(wanted.getAddress()).put((byte) -1);
    return frame.position(0);
  }

  private static int checksum(ByteBuffer frame) {
    int sum = 0;
    for (int i = IPV4; i < UDP; i += 2) {
      sum += Short.toUnsignedInt(frame.getShort(i));
    }
    return (sum & 0xffff) + (sum >>> 16);
  }

  static boolean isAnswer(ByteBuffer frame) {
    return frame.limit() > OPTIONS + 2
        && frame.getShort(12) == 0x0800
        && frame.get(IPV4 + 9) == 17
        && frame.getShort(UDP) == 67;
  }

  static long transaction(ByteBuffer answer) {
    return Integer.toUnsignedLong(answer.getInt(BOOTP + 4));
  }

  /** The type is the first option that dnsmasq writes. */
  static int type(ByteBuffer answer) {
    return answer.get(OPTIONS + 2);
  }
}
