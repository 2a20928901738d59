package io.n0stack.n0core.storage.live;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;

/** The names that n0core gives to nodes and bitmaps, by which a later process finds them again. */
final class Names {
  private static final String BITMAP = "n0core.";
  private static final int MARK = 12;
  private static final int UID = 10; // with the mark within the 31 characters of a node's name

  private Names() {}

  /** Returns what all nodes begin with that we add for a volume. */
  static String nodePrefix(UUID volume) {
    return "n0v" + volume.toString().replace("-", "").substring(0, UID) + "-";
  }

  static String node(UUID volume, Path file) {
    return nodePrefix(volume) + mark(file.toString());
  }

  static String bitmap(String name) {
    return BITMAP + name;
  }

  /** Returns the name of a bitmap of ours without the stamp. */
  static Optional<String> ofBitmap(String name) {
    return name.startsWith(BITMAP)
        ? Optional.of(name.substring(BITMAP.length()))
        : Optional.empty();
  }

  static String mark(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash).substring(0, MARK);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
