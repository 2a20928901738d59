package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Bytes as a value.
 *
 * @param hex two digits per byte, lower case
 * @since 0.1
 */
public record Octets(String hex) {
  private static final int LINK_NAME = 16; // IFNAMSIZ, linux/if.h

  /** Checks the digits. */
  public Octets {
    if (!hex.matches("([0-9a-f]{2})*")) {
      throw N0Exception.invalid("hex", hex, "must be pairs of lower case hexadecimal digits");
    }
  }

  /**
   * Copies bytes.
   *
   * @param bytes any number
   * @return a value
   */
  public static Octets of(byte... bytes) {
    return new Octets(HexFormat.of().formatHex(bytes));
  }

  /**
   * Writes a number in network byte order.
   *
   * @param value the number, of which the low 16 bits count
   * @return two bytes
   */
  public static Octets ofShort(int value) {
    return of((byte) (value >> 8), (byte) value);
  }

  /**
   * Writes a number in the order of this machine, as the kernel keeps marks and states.
   *
   * @param value the number
   * @return four bytes
   */
  public static Octets ofNative(int value) {
    byte[] bytes = new byte[Integer.BYTES];
    Wire.order(bytes).putInt(0, value);
    return of(bytes);
  }

  /**
   * Writes the name of a link as the kernel compares it, filled up with zeros.
   *
   * @param name 1 to 15 bytes
   * @return 16 bytes
   */
  public static Octets ofLink(String name) {
    byte[] bytes = Rules.linkName("link", name).getBytes(StandardCharsets.UTF_8);
    return of(Arrays.copyOf(bytes, LINK_NAME));
  }

  /**
   * Returns the bytes.
   *
   * @return a new array
   */
  public byte[] bytes() {
    return HexFormat.of().parseHex(hex);
  }

  /**
   * Counts the bytes.
   *
   * @return 0 or more
   */
  public int length() {
    return hex.length() / 2;
  }

  /** Returns the text that the bytes are up to the first zero, such as the name of a link. */
  String text() {
    byte[] bytes = bytes();
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "0x" + hex;
  }
}
