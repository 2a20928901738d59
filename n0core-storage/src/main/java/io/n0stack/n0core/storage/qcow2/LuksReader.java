package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Decodes a LUKS header, version 1. Offsets: LUKS1 On-Disk Format Specification, figure 1. */
final class LuksReader {
  private static final int BYTES = 592;
  private static final long MAGIC = 0x4c554b53babeL;
  private static final int SLOTS = 8;
  private static final int SLOT_BYTES = 48;
  private static final int ACTIVE = 0x00ac71f3;
  private static final int INACTIVE = 0x0000dead;
  private static final int SECTOR = 512;

  private LuksReader() {}

  static LuksHeader read(FileChannel file, Qcow2Extension.LuksPointer pointer)
      throws IOException {
    require(
        pointer.sizeBytes() >= BYTES,
        "image.luksHeaderSize",
        pointer.sizeBytes(),
        "must be at least 592");
    ByteBuffer bytes = ImageFiles.read(file, pointer.offset(), BYTES);
    require(bytes.limit() == BYTES, "image.luksHeaderSize", bytes.limit(), "must be 592");
    long magic = bytes.getLong(0) >>> 16;
    require(magic == MAGIC, "image.luks.magic", Long.toHexString(magic), "must be 4c554b53babe");
    int version = bytes.getShort(6);
    require(version == 1, "image.luks.version", version, "must be 1");
    String[] mode = text(bytes, "image.luks.cipherMode", 40, 32).split("-", 2);
    require(mode.length == 2, "image.luks.cipherMode", mode[0], "must be mode and generator");
    String[] generator = mode[1].split(":", 2);
    long keyBits = unsigned(bytes, 108) * 8;
    String cipher = text(bytes, "image.luks.cipherName", 8, 32);
    return new LuksHeader(
        cipher + "-" + (mode[0].equals("xts") ? keyBits / 2 : keyBits),
        mode[0],
        generator[0],
        generator.length == 2 ? Optional.of(generator[1]) : Optional.empty(),
        text(bytes, "image.luks.hash", 72, 32),
        text(bytes, "image.luks.uuid", 168, 40),
        unsigned(bytes, 104) * SECTOR,
        unsigned(bytes, 164),
        slots(bytes));
  }

  private static List<LuksHeader.Slot> slots(ByteBuffer bytes) {
    List<LuksHeader.Slot> slots = new ArrayList<>();
    for (int at = BYTES - SLOTS * SLOT_BYTES; at < BYTES; at += SLOT_BYTES) {
      int state = bytes.getInt(at);
      require(
          state == ACTIVE || state == INACTIVE,
          "image.luks.slot",
          Integer.toHexString(state),
          "must be ac71f3 or dead");
      slots.add(
          new LuksHeader.Slot(
              state == ACTIVE ? LuksHeader.State.ACTIVE : LuksHeader.State.INACTIVE,
              unsigned(bytes, at + 4),
              unsigned(bytes, at + 44),
              unsigned(bytes, at + 40) * SECTOR));
    }
    return slots;
  }

  private static String text(ByteBuffer bytes, String field, int at, int most) {
    int length = 0;
    while (length < most && bytes.get(at + length) != 0) {
      length++;
    }
    require(length > 0 && length < most, field, length, "must be a text that ends with byte 0");
    return Checks.strictText(field, bytes.slice(at, length));
  }

  private static long unsigned(ByteBuffer bytes, int at) {
    return Integer.toUnsignedLong(bytes.getInt(at));
  }
}
