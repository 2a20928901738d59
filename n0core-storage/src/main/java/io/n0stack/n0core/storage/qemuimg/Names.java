package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** What may become an argument. */
final class Names {
  private static final int SNAPSHOT_BYTES = 255; // QEMUSnapshotInfo.name, cut without a word
  private static final int BITMAP_BYTES = 1023; // BDRV_BITMAP_MAX_NAME_SIZE

  private Names() {}

  /** A leading slash keeps QEMU from looking for a protocol, and getopt from seeing an option. */
  static Path path(String field, Path value) {
    Rules.absolutePath(field, value);
    encodable(field, value.toString());
    if (!Path.of(value.toString()).equals(value)) {
      throw N0Exception.invalid(field, value, "must be of characters that the locale can encode");
    }
    return value;
  }

  static String snapshot(String field, String value) {
    Rules.text(field, value, SNAPSHOT_BYTES);
    if (value.chars().allMatch(Character::isDigit)) {
      // qemu-img looks a name up among the snapshots' numbers first.
      throw N0Exception.invalid(field, value, "must not be a number");
    }
    return bytes(field, value, SNAPSHOT_BYTES);
  }

  static String bitmap(String field, String value) {
    Rules.text(field, value, BITMAP_BYTES);
    return bytes(field, value, BITMAP_BYTES);
  }

  private static String bytes(String field, String value, int most) {
    if (value.getBytes(StandardCharsets.UTF_8).length > most) {
      throw N0Exception.invalid(field, value, "must be at most " + most + " bytes of UTF-8");
    }
    return encodable(field, value);
  }

  private static String encodable(String field, String value) {
    if (!encodes(value)) {
      throw N0Exception.invalid(field, value, "must be of characters that the locale can encode");
    }
    return value;
  }

  /** An argument is encoded as a path is; what the locale lacks would arrive as another name. */
  private static boolean encodes(String value) {
    try {
      return Path.of("/", value).isAbsolute();
    } catch (InvalidPathException e) {
      return false;
    }
  }
}
