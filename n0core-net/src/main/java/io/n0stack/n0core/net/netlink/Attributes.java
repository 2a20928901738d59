package io.n0stack.n0core.net.netlink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Walks over a run of {@code struct nlattr}: 16 bits of length, which count the header, 16 bits of
 * type, the value, padding to 4 bytes. Never reads outside the run and always ends: what follows an
 * impossible length is not looked at, as in the kernel.
 */
final class Attributes {
  private static final int HEADER = 4;

  private final ByteBuffer bytes;
  private final int limit;
  private int next;
  private int type;
  private int from;
  private int to;

  Attributes(ByteBuffer bytes, int from, int to) {
    this.bytes = bytes;
    limit = Math.min(to, bytes.capacity());
    next = from;
  }

  boolean advance() {
    if (next < 0 || next > limit - HEADER) {
      return false;
    }
    int length = Short.toUnsignedInt(bytes.getShort(next));
    if (length < HEADER || length > limit - next) {
      return false;
    }
    type = bytes.getShort(next + 2) & Rtnetlink.NLA_TYPE_MASK;
    from = next + HEADER;
    to = next + length;
    next += Rtnetlink.align(length);
    return true;
  }

  int type() {
    return type;
  }

  Attributes nested() {
    return new Attributes(bytes, from, to);
  }

  /** Skips a structure that stands before the nested attributes. */
  int length() {
    return to - from;
  }

  /** Reads a number of 1 to 4 bytes; of a shorter or longer value what there is of the first 4. */
  int number() {
    return switch (to - from) {
      case 0 -> 0;
      case 1 -> Byte.toUnsignedInt(bytes.get(from));
      case 2, 3 -> Short.toUnsignedInt(bytes.getShort(from));
      default -> bytes.getInt(from);
    };
  }

  String text() {
    int end = from;
    while (end < to && bytes.get(end) != 0) {
      end++;
    }
    byte[] text = new byte[end - from];
    bytes.get(from, text);
    return new String(text, StandardCharsets.UTF_8);
  }

  byte[] octets() {
    byte[] octets = new byte[to - from];
    bytes.get(from, octets);
    return octets;
  }
}
