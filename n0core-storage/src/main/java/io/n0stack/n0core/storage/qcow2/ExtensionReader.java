package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Decodes the header extensions. Offsets: QEMU's docs/interop/qcow2.txt, "Header extensions". */
final class ExtensionReader {
  private static final int BACKING_FORMAT = 0xe2792aca;
  private static final int DATA_FILE = 0x44415441;
  private static final int FEATURE_NAMES = 0x6803f857;
  private static final int BITMAPS = 0x23852875;
  private static final int LUKS = 0x0537be77;
  private static final int FORMAT_BYTES = 15;
  private static final int FEATURE_BYTES = 48;
  private static final int MOST_EXTENSIONS = 1024;
  private static final int MOST_BITMAPS = 65535; // QCOW2_MAX_BITMAPS
  private static final long MOST_DIRECTORY_BYTES = 1024L * MOST_BITMAPS;

  private final ByteBuffer bytes;
  private final Checks.Layout layout;
  private final int encryption;
  private final long autoclear;

  ExtensionReader(ByteBuffer bytes, Checks.Layout layout, int encryption, long autoclear) {
    this.bytes = bytes;
    this.layout = layout;
    this.encryption = encryption;
    this.autoclear = autoclear;
  }

  /**
   * Reads all.
   *
   * @param start where the fixed header ends
   * @param end where the backing file's name or the cluster begins or ends
   * @param whole where the bytes would end if all of them had been read
   */
  List<Qcow2Extension> read(int start, long end, int whole) throws MoreBytesNeeded {
    List<Qcow2Extension> found = new ArrayList<>();
    long at = start;
    while (at < Math.min(end, whole)) {
      long left = end - at - 8;
      require(
          left >= 0, "image.extensionLength", left + 8, "must leave room for a type and length");
      if (at + 8 > whole) {
        break; // behind the end of the file, where QEMU reads zeros
      }
      MoreBytesNeeded.unless(at + 8 <= bytes.limit());
      int type = bytes.getInt((int) at);
      long length = Integer.toUnsignedLong(bytes.getInt((int) at + 4));
      require(
          length <= left && length <= whole - at - 8,
          "image.extensionLength",
          length,
          "must end before the backing file's name and within the first cluster");
      if (type == 0) {
        break;
      }
      MoreBytesNeeded.unless(at + 8 + length <= bytes.limit());
      found.add(extension(type, bytes.slice((int) at + 8, (int) length)));
      require(found.size() <= MOST_EXTENSIONS, "image.extensions", "more", "must be at most 1024");
      at += 8 + (length + 7) / 8 * 8;
    }
    return found;
  }

  private Qcow2Extension extension(int type, ByteBuffer data) {
    int length = data.limit();
    return switch (type) {
      case BACKING_FORMAT -> {
        require(length <= FORMAT_BYTES, "image.backingFormatLength", length, "must be at most 15");
        yield new Qcow2Extension.BackingFormat(Checks.strictText("image.backingFormat", data));
      }
      case DATA_FILE -> {
        require(
            length <= HeaderReader.NAME_BYTES,
            "image.dataFileLength",
            length,
            "must be at most 1023");
        yield new Qcow2Extension.DataFile(Checks.strictText("image.dataFile", data));
      }
      case FEATURE_NAMES -> featureNames(data);
      case BITMAPS -> bitmaps(data);
      case LUKS -> luks(data);
      default -> new Qcow2Extension.Other(type, length);
    };
  }

  private static Qcow2Extension featureNames(ByteBuffer data) {
    List<Qcow2Extension.FeatureName> names = new ArrayList<>();
    for (int at = 0; at + FEATURE_BYTES <= data.limit(); at += FEATURE_BYTES) {
      int length = 0;
      while (length < FEATURE_BYTES - 2 && data.get(at + 2 + length) != 0) {
        length++;
      }
      String name = StandardCharsets.UTF_8.decode(data.slice(at + 2, length)).toString();
      names.add(new Qcow2Extension.FeatureName(data.get(at) & 0xff, data.get(at + 1) & 0xff, name));
    }
    return new Qcow2Extension.FeatureNames(names);
  }

  /** Checks the directory only if QEMU would use it; else it may be stale and is never read. */
  private Qcow2Extension bitmaps(ByteBuffer data) {
    require(data.limit() == 24, "image.bitmapsLength", data.limit(), "must be 24");
    long count = Integer.toUnsignedLong(data.getInt(0));
    long size = data.getLong(8);
    long offset = data.getLong(16);
    if ((autoclear & 1) != 0) {
      require(data.getInt(4) == 0, "image.bitmapsReserved", data.getInt(4), "must be 0");
      require(
          count >= 1 && count <= MOST_BITMAPS, "image.bitmapCount", count, "must be 1 to 65535");
      require(
          size >= 1 && size <= MOST_DIRECTORY_BYTES,
          "image.bitmapDirectorySize",
          Long.toUnsignedString(size),
          "must be 1 to " + MOST_DIRECTORY_BYTES);
      Checks.requireTable(layout, "image.bitmapDirectoryOffset", offset, size);
    }
    return new Qcow2Extension.Bitmaps((int) count, size, offset);
  }

  private Qcow2Extension luks(ByteBuffer data) {
    require(encryption == 2, "image.luksHeader", "set", "must be set only with encryption 2");
    require(data.limit() == 16, "image.luksHeaderLength", data.limit(), "must be 16");
    long offset = data.getLong(0);
    long size = data.getLong(8);
    require(size > 0, "image.luksHeaderSize", Long.toUnsignedString(size), "must be positive");
    Checks.requireTable(layout, "image.luksHeaderOffset", offset, size);
    return new Qcow2Extension.LuksPointer(offset, size);
  }
}
