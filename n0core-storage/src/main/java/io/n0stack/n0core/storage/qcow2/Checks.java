package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Checks that readers of an image share. */
final class Checks {
  private Checks() {}

  static void require(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw N0Exception.invalid(field, value, rule);
    }
  }

  /** Checks a table as {@code qcow2_validate_table} does, and also that it is not the header and is all there. */
  static void requireTable(Layout layout, String field, long offset, long length) {
    String text = Long.toUnsignedString(offset);
    long cluster = 1L << layout.clusterBits();
    require(
        offset >= 0 && offset % cluster == 0,
        field,
        text,
        "must be a multiple of the size of a cluster");
    long end = layout.fileLength();
    require(
        length == 0 || (offset >= cluster && offset <= end && length <= end - offset),
        field,
        text,
        "must lie behind the header and end within the file of " + end + " bytes");
  }

  /** Decodes a name. QEMU takes it for a C string, so one with a NUL would mean two things. */
  static String strictText(String field, ByteBuffer name) {
    requireNoNul(field, name);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(name.duplicate()).toString();
    } catch (CharacterCodingException e) {
      throw N0Exception.invalid(field, StandardCharsets.ISO_8859_1.decode(name), "must be UTF-8");
    }
  }

  /** Decodes a name that is only shown; what is not UTF-8 becomes a replacement character. */
  static String shownText(String field, ByteBuffer name) {
    requireNoNul(field, name);
    return StandardCharsets.UTF_8.decode(name.duplicate()).toString();
  }

  private static void requireNoNul(String field, ByteBuffer name) {
    for (int i = name.position(); i < name.limit(); i++) {
      require(name.get(i) != 0, field, "name with byte 0", "must not hold a byte 0");
    }
  }

  /**
   * What bounds a table.
   *
   * @param clusterBits logarithm of the size of a cluster
   * @param fileLength length of the file, {@code Long.MAX_VALUE} if it is not known
   */
  record Layout(int clusterBits, long fileLength) {}
}
