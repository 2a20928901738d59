package io.n0stack.n0core.kvm;

import java.util.List;
import java.util.Random;

/** Texts of what QEMU's parsers, other programs and a shell each take for something else than itself. */
final class Awkward {
  private static final List<String> PARTS = List.of(
      ",",
      ",,",
      "=",
      "\"",
      "'",
      "\\",
      "\\n",
      "{",
      "}",
      "[",
      ":",
      ";",
      "$",
      "$(id)",
      "`",
      " ",
      "%s",
      "#",
      "&",
      "*",
      ",server=off",
      ",process=evil",
      "on",
      "-",
      "~",
      "|",
      ">",
      "!");

  private Awkward() {}

  static String text(Random random, int parts) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < parts; i++) {
      text.append(PARTS.get(random.nextInt(PARTS.size()))).append((char) ('a' + i));
    }
    return text.toString();
  }

  /** Paths of sockets are short. */
  static String few(Random random) {
    return cut(text(random, 2), 5);
  }

  /** What the kernel allows as a link's name. */
  static String link(Random random) {
    return "t" + cut(text(random, 6).replaceAll("[ :%]", "+"), 10);
  }

  private static String cut(String text, int most) {
    return text.substring(0, Math.min(most, text.length()));
  }
}
