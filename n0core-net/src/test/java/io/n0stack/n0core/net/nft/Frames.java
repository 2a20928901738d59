package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/** Makes Ethernet frames. */
final class Frames {
  private static final int ICMPV6 = 58;
  private static final int UDP = 17;
  private static final HexFormat HEX = HexFormat.of();

  private Frames() {}

  static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  static byte[] hex(String digits) {
    return HEX.parseHex(digits.replace(" ", ""));
  }

  static byte[] ip(String address) {
    return CidrAddress.literal(address).getAddress();
  }

  static byte[] mac(String mac) {
    return MacAddress.parse(mac).octets();
  }

  /** A frame to everybody. */
  static byte[] ethernet(String from, String etherType, byte[] packet) {
    return join(hex("ffffffffffff"), mac(from), hex(etherType), packet);
  }

  /** Puts a VLAN tag into a frame. */
  static byte[] tagged(byte[] frame) {
    byte[] out = new byte[frame.length + 4];
    System.arraycopy(frame, 0, out, 0, 12);
    System.arraycopy(hex("8100 0005"), 0, out, 12, 4);
    System.arraycopy(frame, 12, out, 16, frame.length - 12);
    return out;
  }

  /** An ARP request, or RARP if the operation is 3. */
  static byte[] arp(int operation, String senderMac, String senderIp, String targetMac) {
    return join(
        hex("0001 0800 06 04 00"),
        new byte[] {(byte) operation},
        mac(senderMac),
        ip(senderIp),
        targetMac.isEmpty() ? new byte[6] : mac(targetMac),
        ip("10.77.0.1"));
  }

  static byte[] ipv4(String source, String destination, int protocol, byte[] body) {
    ByteBuffer header = ByteBuffer.allocate(20);
    header.put(0, (byte) 0x45).putShort(2, (short) (20 + body.length)).put(8, (byte) 64);
    header.put(9, (byte) protocol).put(12, ip(source)).put(16, ip(destination));
    int sum = 0;
    for (int i = 0; i < 20; i += 2) {
      sum += Short.toUnsignedInt(header.getShort(i));
    }
    header.putShort(10, (short) ~((sum & 0xffff) + (sum >> 16)));
    return join(header.array(), body);
  }

  static byte[] udp4(String source, String destination, int from, int to) {
    return ipv4(source, destination, UDP, udp(from, to));
  }

  private static byte[] udp(int from, int to) {
    return ByteBuffer.allocate(12)
        .putShort((short) from)
        .putShort((short) to)
        .putShort((short) 12)
        .array();
  }

  static byte[] ipv6(String source, int next, byte[] body) {
    ByteBuffer header = ByteBuffer.allocate(40);
    header.putInt(0, 6 << 28).putShort(4, (short) body.length);
    header.put(6, (byte) next).put(7, (byte) 255);
    header.put(8, ip(source)).put(24, ip("ff02::1"));
    return join(header.array(), body);
  }

  static byte[] udp6(String source) {
    return ipv6(source, UDP, udp(5000, 5001));
  }

  /** ICMPv6: 4 bytes of header, and what follows. */
  static byte[] icmp6(String source, int type, byte[]... parts) {
    return ipv6(source, ICMPV6, join(new byte[] {(byte) type, 0, 0, 0}, join(parts)));
  }

  /** The same behind a header of destination options. */
  static byte[] optioned(String source, int type, byte[]... parts) {
    return ipv6(
        source,
        60,
        join(hex("3a00 0104 00000000"), new byte[] {(byte) type, 0, 0, 0}, join(parts)));
  }

  /** What a solicitation or advertisement says behind its first 4 bytes. */
  static byte[] neighbour(String target) {
    return join(new byte[4], ip(target));
  }

  static byte[] macOption(int type, String mac) {
    return join(new byte[] {(byte) type, 1}, mac(mac));
  }
}
