package io.n0stack.n0core.storage.seed;

import java.util.Locale;
import java.util.Set;

/** Makes the names of ISO 9660 level 1: eight of A-Z, 0-9 and underscore, a dot, and three. */
final class ShortNames {
  private static final int BASE = 8;
  private static final int EXTENSION = 3;
  private static final int NUMBERED = 5;

  private ShortNames() {}

  /** Shortens a name; numbers it if what it becomes is taken. */
  static String unused(String name, Set<String> taken) {
    int dot = name.lastIndexOf('.');
    String base = plain(dot < 0 ? name : name.substring(0, dot), BASE);
    String extension = plain(dot < 0 ? "" : name.substring(dot + 1), EXTENSION);
    String candidate = base + "." + extension;
    for (int i = 0; taken.contains(candidate); i++) {
      candidate = String.format(Locale.ROOT, "%s%03d.%s", plain(base, NUMBERED), i, extension);
    }
    return candidate;
  }

  private static String plain(String text, int most) {
    String upper = text.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_");
    return upper.substring(0, Math.min(most, upper.length()));
  }
}
