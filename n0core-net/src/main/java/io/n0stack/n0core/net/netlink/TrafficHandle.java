package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names a queueing discipline or class of a link, and where one is attached. See "Classful qdiscs" in
 * tc(8).
 *
 * @param major the discipline, 0 to 65535
 * @param minor the class, 0 to 65535; 0 for the discipline itself
 * @since 0.1
 */
public record TrafficHandle(int major, int minor) {
  /** Nothing: the kernel chooses. */
  public static final TrafficHandle NONE = new TrafficHandle(0, 0);
  /** Where the discipline is attached that sees all that a link sends. */
  public static final TrafficHandle ROOT = new TrafficHandle(0xffff, 0xffff);
  /** Where {@link QdiscKind.Ingress} and {@link QdiscKind.Clsact} are attached. */
  public static final TrafficHandle INGRESS = new TrafficHandle(0xffff, 0xfff1);
  /** Where filters are attached that see what a link receives, of either of the two. */
  public static final TrafficHandle CLSACT_INGRESS = new TrafficHandle(0xffff, 0xfff2);
  /** Where filters are attached that see what a link sends, of {@link QdiscKind.Clsact}. */
  public static final TrafficHandle CLSACT_EGRESS = new TrafficHandle(0xffff, 0xfff3);

  private static final int LARGEST = 0xffff;
  private static final Pattern WRITTEN = Pattern.compile("([0-9a-f]{0,4}):([0-9a-f]{0,4})");

  /** Checks both numbers. */
  public TrafficHandle {
    Rules.range("major", major, 0, LARGEST);
    Rules.range("minor", minor, 0, LARGEST);
  }

  /**
   * Names a queueing discipline.
   *
   * @param major 1 to 65535
   * @return the handle with minor number 0
   */
  public static TrafficHandle qdisc(int major) {
    Rules.range("major", major, 1, LARGEST);
    return new TrafficHandle(major, 0);
  }

  /**
   * Reads what {@code tc} prints.
   *
   * @param text two hexadecimal numbers, such as {@code 1:} or {@code 1:20}; a missing one is 0
   * @return the handle
   * @throws N0Exception INVALID for any other text
   */
  public static TrafficHandle parse(String text) {
    Matcher found = WRITTEN.matcher(text);
    if (!found.matches()) {
      throw N0Exception.invalid(
          "handle", text, "must be two hexadecimal numbers with ':' between them");
    }
    return new TrafficHandle(number(found.group(1)), number(found.group(2)));
  }

  private static int number(String digits) {
    return digits.isEmpty() ? 0 : Integer.parseInt(digits, 16);
  }

  static TrafficHandle of(int wire) {
    return new TrafficHandle(wire >>> Short.SIZE, wire & LARGEST);
  }

  int wire() {
    return major << Short.SIZE | minor;
  }

  /** Writes it as {@code tc} does, such as {@code 1:20}, or {@code root}. */
  @Override
  public String toString() {
    if (equals(ROOT)) {
      return "root";
    }
    return Integer.toHexString(major) + ":" + (minor == 0 ? "" : Integer.toHexString(minor));
  }
}
