package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import java.util.HexFormat;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * A unicast Ethernet address.
 *
 * @param value six pairs of lower-case hexadecimal digits with colons, such as {@code
 *     52:54:00:12:34:56}; neither multicast nor all zero
 * @since 0.1
 */
public record MacAddress(String value) {
  private static final Pattern FORM = Pattern.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}");
  private static final HexFormat COLONS = HexFormat.ofDelimiter(":");

  /** Checks and lower-cases the value. */
  public MacAddress {
    String lower = value.toLowerCase(Locale.ROOT);
    if (!FORM.matcher(lower).matches()) {
      throw N0Exception.invalid(
          "mac", value, "must be six pairs of hexadecimal digits with colons");
    }
    byte[] bytes = COLONS.parseHex(lower);
    if ((bytes[0] & 1) != 0 || lower.equals("00:00:00:00:00:00")) {
      throw N0Exception.invalid("mac", value, "must be a unicast address and not zero");
    }
    value = lower;
  }

  /**
   * Reads the usual form.
   *
   * @param text six pairs of hexadecimal digits with colons
   * @return the address
   * @throws N0Exception INVALID if the text is anything else
   */
  public static MacAddress parse(String text) {
    return new MacAddress(text);
  }

  /**
   * Derives an address from a uid: locally administered, unicast, the same for the same uid.
   *
   * @param uid the uid of the port
   * @return an address whose first octet is {@code 52}, QEMU's customary one
   */
  public static MacAddress derivedFrom(UUID uid) {
    long mixed = uid.getMostSignificantBits() ^ Long.rotateLeft(uid.getLeastSignificantBits(), 31);
    byte[] bytes = new byte[6];
    bytes[0] = 0x52;
    for (int i = 1; i < 6; i++) {
      bytes[i] = (byte) (mixed >>> (8 * i));
    }
    return new MacAddress(COLONS.formatHex(bytes));
  }

  /**
   * Returns the six octets.
   *
   * @return a new array of length 6
   */
  public byte[] octets() {
    return COLONS.parseHex(value);
  }

  @Override
  public String toString() {
    return value;
  }
}
