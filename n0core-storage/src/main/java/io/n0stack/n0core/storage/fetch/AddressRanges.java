package io.n0stack.n0core.storage.fetch;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;

/** Knows the addresses that are not public. See the IANA special-purpose address registries. */
final class AddressRanges {
  private static final List<Range> PRIVATE_4 = List.of(
      new Range(8, 0),
      new Range(8, 10),
      new Range(10, 100, 64),
      new Range(8, 127),
      new Range(16, 169, 254),
      new Range(12, 172, 16),
      new Range(24, 192, 0, 0),
      new Range(24, 192, 0, 2),
      new Range(24, 192, 88, 99),
      new Range(16, 192, 168),
      new Range(15, 198, 18),
      new Range(24, 198, 51, 100),
      new Range(24, 203, 0, 113),
      new Range(3, 224),
      new Range(4, 240));
  private static final Range GLOBAL_6 = new Range(3, 0x20);
  // Of the global block: protocol assignments with Teredo, documentation, segment routing.
  private static final List<Range> PRIVATE_6 = List.of(
      new Range(23, 0x20, 0x01, 0x00),
      new Range(32, 0x20, 0x01, 0x0d, 0xb8),
      new Range(20, 0x3f, 0xff, 0x00));
  private static final Range SIX_TO_FOUR = new Range(16, 0x20, 0x02);
  private static final Range NAT64 = new Range(96, 0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0);

  private AddressRanges() {}

  /** The addresses that begin with certain bits. */
  private static final class Range {
    private final int bits;
    private final int[] start;

    Range(int bits, int... start) {
      this.bits = bits;
      this.start = start;
    }

    boolean holds(byte[] address) {
      for (int at = 0; at * 8 < bits; at++) {
        int mask = bits >= at * 8 + 8 ? 0xff : 0xff << (at * 8 + 8 - bits) & 0xff;
        if ((address[at] & mask) != (start[at] & mask)) {
          return false;
        }
      }
      return true;
    }
  }

  static boolean isPublic(InetAddress address) {
    byte[] bytes = address.getAddress();
    return address instanceof Inet4Address ? isPublic4(bytes) : isPublic6(bytes);
  }

  private static boolean isPublic4(byte[] address) {
    return PRIVATE_4.stream().noneMatch(range -> range.holds(address));
  }

  private static boolean isPublic6(byte[] address) {
    if (NAT64.holds(address)) {
      return isPublic4(Arrays.copyOfRange(address, 12, 16));
    }
    if (SIX_TO_FOUR.holds(address)) {
      return isPublic4(Arrays.copyOfRange(address, 2, 6));
    }
    return GLOBAL_6.holds(address) && PRIVATE_6.stream().noneMatch(range -> range.holds(address));
  }
}
