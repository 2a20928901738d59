package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import java.util.HexFormat;
import java.util.UUID;

/**
 * A unicast Ethernet address.
 *
 * @param bits its 48 bits, the first octet in the highest; neither multicast nor zero
 * @since 0.1
 */
public record MacAddress(long bits) {
  private static final HexFormat COLONS = HexFormat.ofDelimiter(":");
  private static final int OCTETS = 6;
  private static final int TEXT = 17;
  private static final long ALL = 0xffff_ffff_ffffL;
  private static final long MULTICAST = 0x0100_0000_0000L;

  /** Checks the bits. */
  public MacAddress {
    if (!isUnicast(bits)) {
      throw N0Exception.invalid(
          "mac", text(bits), "must be 48 bits, a unicast address and not zero");
    }
  }

  /**
   * Reads the usual form.
   *
   * @param text six pairs of hexadecimal digits with colons, such as {@code 52:54:00:12:34:56}
   * @return the address
   * @throws N0Exception INVALID if the text is anything else, or the address is multicast or zero
   */
  public static MacAddress parse(String text) {
    long bits = 0;
    boolean good = text.length() == TEXT;
    for (int i = 0; i < TEXT && good; i++) {
      char c = text.charAt(i);
      if (i % 3 == 2) {
        good = c == ':';
      } else {
        good = HexFormat.isHexDigit(c);
        bits = good ? bits << 4 | HexFormat.fromHexDigit(c) : bits;
      }
    }
    if (!good) {
      throw N0Exception.invalid("mac", text, "must be six pairs of hexadecimal digits with colons");
    }
    return new MacAddress(bits);
  }

  /**
   * Tells whether 48 bits are an address that a link can have.
   *
   * @param bits the first octet in the highest of the 48 bits
   * @return whether they are 48 bits, neither multicast nor zero
   */
  public static boolean isUnicast(long bits) {
    return bits != 0 && (bits & ~ALL) == 0 && (bits & MULTICAST) == 0;
  }

  /**
   * Derives an address from a uid: locally administered, unicast, the same for the same uid.
   *
   * @param uid the uid of the port
   * @return an address whose first octet is {@code 52}, QEMU's customary one
   */
  public static MacAddress derivedFrom(UUID uid) {
    long mixed = uid.getMostSignificantBits() ^ Long.rotateLeft(uid.getLeastSignificantBits(), 31);
    long bits = 0x52;
    for (int i = 1; i < OCTETS; i++) {
      bits = bits << 8 | (mixed >>> (8 * i) & 0xff);
    }
    return new MacAddress(bits);
  }

  /**
   * Returns the six octets.
   *
   * @return a new array of length 6
   */
  public byte[] octets() {
    return octets(bits);
  }

  private static byte[] octets(long bits) {
    byte[] octets = new byte[OCTETS];
    for (int i = 0; i < OCTETS; i++) {
      octets[i] = (byte) (bits >>> (8 * (OCTETS - 1 - i)));
    }
    return octets;
  }

  /** Returns the usual form, in lower case. */
  @Override
  public String toString() {
    return text(bits);
  }

  private static String text(long bits) {
    return (bits & ~ALL) == 0 ? COLONS.formatHex(octets(bits)) : Long.toHexString(bits);
  }
}
