package io.n0stack.n0core.storage.seed;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_16BE;

import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Lays out the sectors of an image: ECMA-119 level 1 with Rock Ridge, a second tree of directories
 * for Joliet, and the files, which both share.
 */
final class IsoLayout {
  static final int SECTOR = 2048;
  private static final int PRIMARY = 16;
  private static final int JOLIET = 17;
  private static final int TERMINATOR = 18;
  private static final int PATHS = 19; // two of each tree: little-endian, big-endian
  private static final int EXTENSIONS = 23; // what Rock Ridge has to say of itself
  private static final int ROOT = 24;
  private static final int PATH_TABLE_BYTES = 10; // of the root alone
  // So that hosts with sectors of 4 KiB can read it without a cache, and guests can read ahead.
  private static final int ROUNDED_TO = 32;
  private static final DateTimeFormatter DIGITS =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'00'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final String label;
  private final Instant time;
  private final List<IsoFile> plain;
  private final List<IsoFile> joliet;
  private final int plainSectors;
  private final int jolietSectors;
  private final int sectors;

  IsoLayout(String label, Instant time, Map<String, byte[]> files) {
    this.label = label;
    this.time = time;
    ShortNames names = new ShortNames();
    List<IsoFile> placed = new ArrayList<>();
    int next = 0;
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      placed.add(new IsoFile(file.getKey(), names.of(file.getKey()), file.getValue(), next));
      next += sectors(file.getValue().length);
    }
    IsoDirectory directory = new IsoDirectory(time, 0, 0);
    plainSectors = directory.plain(placed).size() / SECTOR;
    jolietSectors = directory.joliet(placed).size() / SECTOR;
    int first = ROOT + plainSectors + jolietSectors;
    List<IsoFile> moved = placed.stream().map(file -> file.behind(first)).toList();
    plain = sorted(moved, Comparator.comparing(IsoFile::identifier));
    joliet = sorted(moved, Comparator.comparing(IsoFile::name));
    // One more, so that also a file without content begins within the image.
    sectors = (first + next + ROUNDED_TO) / ROUNDED_TO * ROUNDED_TO;
  }

  private static List<IsoFile> sorted(List<IsoFile> files, Comparator<IsoFile> order) {
    return files.stream().sorted(order).toList();
  }

  private static int sectors(int bytes) {
    return (bytes + SECTOR - 1) / SECTOR;
  }

  byte[] image() {
    ByteBuffer image = ByteBuffer.allocate(sectors * SECTOR);
    IsoDirectory root = new IsoDirectory(time, ROOT, plainSectors * SECTOR);
    IsoDirectory jolietRoot = new IsoDirectory(time, ROOT + plainSectors, jolietSectors * SECTOR);
    at(image, PRIMARY, descriptor(1, root, PATHS, US_ASCII));
    at(image, JOLIET, descriptor(2, jolietRoot, PATHS + 2, UTF_16BE));
    at(image, TERMINATOR, new IsoBytes().put(255).text("CD001", US_ASCII).put(1));
    at(image, PATHS, pathTable(new IsoBytes().little32(root.sector()).little16(1)));
    at(image, PATHS + 1, pathTable(new IsoBytes().big32(root.sector()).big16(1)));
    at(image, PATHS + 2, pathTable(new IsoBytes().little32(jolietRoot.sector()).little16(1)));
    at(image, PATHS + 3, pathTable(new IsoBytes().big32(jolietRoot.sector()).big16(1)));
    at(image, EXTENSIONS, RockRidge.reference());
    at(image, root.sector(), root.plain(plain));
    at(image, jolietRoot.sector(), jolietRoot.joliet(joliet));
    for (IsoFile file : plain) {
      image.put(file.sector() * SECTOR, file.content());
    }
    return image.array();
  }

  private static void at(ByteBuffer image, int sector, IsoBytes bytes) {
    image.put(sector * SECTOR, bytes.toArray());
  }

  /** Where the root is; it has no name and is its own parent. */
  private static IsoBytes pathTable(IsoBytes root) {
    return new IsoBytes().put(1).put(0).put(root.toArray()).zeros(2);
  }

  /** ECMA-119, 8.4 and 8.5. */
  private IsoBytes descriptor(int type, IsoDirectory root, int paths, Charset charset) {
    IsoBytes out = new IsoBytes().put(type).text("CD001", US_ASCII).put(1).put(0);
    out.padded("", 32, charset).padded(label, 32, charset).zeros(8).both32(sectors);
    // UCS-2, level 3: what Joliet is recognized by.
    out.text(type == 1 ? "" : "%/E", US_ASCII).zeros(type == 1 ? 32 : 29);
    out.both16(1).both16(1).both16(SECTOR).both32(PATH_TABLE_BYTES);
    out.little32(paths).zeros(4).big32(paths + 1).zeros(4);
    out.put(root.itself().toArray());
    out.padded("", 128, charset).padded("", 128, charset).padded("", 128, charset);
    out.padded("", 128, charset).padded("", 37, charset).padded("", 37, charset);
    out.padded("", 37, charset);
    out.text(DIGITS.format(time), US_ASCII)
        .put(0)
        .text(DIGITS.format(time), US_ASCII)
        .put(0);
    // Neither expires nor has to wait.
    out.text("0".repeat(16), US_ASCII).put(0).text("0".repeat(16), US_ASCII).put(0);
    return out.put(1).put(0);
  }

  /** The sector of what Rock Ridge says of itself. */
  static int extensions() {
    return EXTENSIONS;
  }
}
