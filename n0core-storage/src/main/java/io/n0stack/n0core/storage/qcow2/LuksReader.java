package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Decodes a LUKS header, version 1. Offsets: LUKS1 On-Disk Format Specification, figure 1. Checks are those
 * of {@code qcrypto_block_luks_check_header} of QEMU.
 */
final class LuksReader {
  private static final int BYTES = 592;
  private static final long MAGIC = 0x4c554b53babeL;
  private static final int SLOTS = 8;
  private static final int SLOT_BYTES = 48;
  private static final int ACTIVE = 0x00ac71f3;
  private static final int INACTIVE = 0x0000dead;
  private static final int SECTOR = 512;
  private static final int STRIPES = 4000;
  private static final int HEADER_SECTORS = 8; // in which no key may lie
  private static final Set<String> CIPHERS = Set.of("aes", "cast5", "serpent", "twofish");
  private static final Set<String> MODES = Set.of("cbc", "ctr", "ecb", "xts");
  private static final Set<String> GENERATORS = Set.of("plain", "plain64", "essiv");
  private static final Set<String> HASHES =
      Set.of("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160");

  private LuksReader() {}

  static LuksHeader read(FileChannel file, Qcow2Extension.LuksPointer pointer) throws IOException {
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
    requireKnown("image.luks.cipherMode", mode[0], MODES);
    requireKnown("image.luks.ivGenerator", generator[0], GENERATORS);
    if (generator[0].equals("essiv") || generator.length == 2) {
      require(generator.length == 2, "image.luks.ivGenerator", generator[0], "must have a hash");
      requireKnown("image.luks.ivHash", generator[1], HASHES);
    }
    String hash = text(bytes, "image.luks.hash", 72, 32);
    requireKnown("image.luks.hash", hash, HASHES);
    require(unsigned(bytes, 164) > 0, "image.luks.masterKeyIterations", 0, "must be positive");
    return new LuksHeader(
        cipher(bytes, mode[0]),
        mode[0],
        generator[0],
        generator.length == 2 ? Optional.of(generator[1]) : Optional.empty(),
        hash,
        text(bytes, "image.luks.uuid", 168, 40),
        unsigned(bytes, 104) * SECTOR,
        unsigned(bytes, 164),
        slots(bytes));
  }

  private static String cipher(ByteBuffer bytes, String mode) {
    String name = text(bytes, "image.luks.cipherName", 8, 32);
    requireKnown("image.luks.cipherName", name, CIPHERS);
    long keyBytes = unsigned(bytes, 108);
    long bits = mode.equals("xts") ? keyBytes * 4 : keyBytes * 8;
    boolean known = bits == 128 || (!name.equals("cast5") && (bits == 192 || bits == 256));
    require(known, "image.luks.keyBytes", keyBytes, "must be a length that the cipher has");
    return name + "-" + bits;
  }

  private static List<LuksHeader.Slot> slots(ByteBuffer bytes) {
    long payload = unsigned(bytes, 104);
    require(
        payload >= HEADER_SECTORS,
        "image.luks.payloadOffset",
        payload,
        "must be at least 8 sectors");
    // Keys begin and end with 4 KiB.
    long keySectors = ((unsigned(bytes, 108) * STRIPES + SECTOR - 1) / SECTOR + HEADER_SECTORS - 1)
        / HEADER_SECTORS
        * HEADER_SECTORS;
    List<LuksHeader.Slot> slots = new ArrayList<>();
    for (int at = BYTES - SLOTS * SLOT_BYTES; at < BYTES; at += SLOT_BYTES) {
      LuksHeader.Slot slot = slot(bytes, at);
      long start = slot.keyOffset() / SECTOR;
      require(
          start >= HEADER_SECTORS && start + keySectors <= payload,
          "image.luks.keyOffset",
          start,
          "must lie between header and payload");
      for (LuksHeader.Slot other : slots) {
        require(
            Math.abs(start - other.keyOffset() / SECTOR) >= keySectors,
            "image.luks.keyOffset",
            start,
            "must not overlap that of another slot");
      }
      slots.add(slot);
    }
    return slots;
  }

  private static LuksHeader.Slot slot(ByteBuffer bytes, int at) {
    int state = bytes.getInt(at);
    long iterations = unsigned(bytes, at + 4);
    long stripes = unsigned(bytes, at + 44);
    require(
        state == ACTIVE || state == INACTIVE,
        "image.luks.slot",
        Integer.toHexString(state),
        "must be ac71f3 or dead");
    require(state == INACTIVE || iterations > 0, "image.luks.iterations", 0, "must be positive");
    require(stripes == STRIPES, "image.luks.stripes", stripes, "must be 4000");
    return new LuksHeader.Slot(
        state == ACTIVE ? LuksHeader.State.ACTIVE : LuksHeader.State.INACTIVE,
        iterations,
        stripes,
        unsigned(bytes, at + 40) * SECTOR);
  }

  private static void requireKnown(String field, String value, Set<String> known) {
    require(
        known.contains(value),
        field,
        value,
        "must be one of " + known.stream().sorted().toList());
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
