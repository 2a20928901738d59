package io.n0stack.n0core.storage.seed;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Gives out names of ISO 9660 level 1: eight of A-Z, 0-9 and underscore, a dot, and three; each once. */
final class ShortNames {
  private static final int BASE = 8;
  private static final int EXTENSION = 3;
  private static final int NUMBERED = 5;

  private final Set<String> taken = new HashSet<>();
  private final Map<String, Integer> numbers = new HashMap<>();

  /** Shortens a name; numbers it if what it becomes is taken. */
  String of(String name) {
    int dot = name.lastIndexOf('.');
    String base = plain(dot < 0 ? name : name.substring(0, dot), BASE);
    String extension = plain(dot < 0 ? "" : name.substring(dot + 1), EXTENSION);
    String candidate = base + "." + extension;
    while (!taken.add(candidate)) {
      String start = plain(base, NUMBERED);
      int number = numbers.merge(start + "." + extension, 1, Integer::sum) - 1;
      candidate = String.format(Locale.ROOT, "%s%03d.%s", start, number, extension);
    }
    return candidate;
  }

  private static String plain(String text, int most) {
    String upper = text.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_");
    return upper.substring(0, Math.min(most, upper.length()));
  }
}
