package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Inspects an image from outside before QEMU or {@code qemu-img} sees it. Either would open whatever
 * files and network addresses the image names, with the rights of the host.
 *
 * <p>The format is what the image's owner states. It is never guessed: a guest can write any header
 * into a raw disk. The image must not be replaced between inspection and use, so it has to lie where
 * those who are not trusted cannot write.
 *
 * <p>Refused are: what is not a regular file; a backing file, except where it is allowed; an external data
 * file, even if only named; incompatible features not known here; the mark of corruption; encryption,
 * except LUKS by {@link #allowingLuks()}; sizes, tables, snapshots and bitmaps beyond QEMU's limits,
 * outside the file or over each other.
 *
 * <p>Thread-safe; holds nothing.
 *
 * @since 0.1
 */
public final class ImageGate {
  /** The largest virtual size that {@link #standard()} lets through: 64 TiB. */
  public static final long STANDARD_LIMIT_BYTES = 64L << 40;

  /** So many bytes decide all that {@link #inspectHead} can decide. */
  public static final int MOST_HEAD_BYTES = 2 << 20;

  private static final int LUKS = 2;

  private final long limitBytes;
  private final boolean luks;

  private ImageGate(long limitBytes, boolean luks) {
    this.limitBytes = limitBytes;
    this.luks = luks;
  }

  /**
   * An image that passed.
   *
   * @param path absolute path of the image
   * @param format its format, as stated
   * @param sizeBytes what a guest sees: a multiple of 512
   * @param header its header, empty for a raw image
   * @since 0.1
   */
  public record Inspected(
      Path path, ImageFormat format, long sizeBytes, Optional<Qcow2Header> header) {}

  /**
   * What the beginning of an image says.
   *
   * @since 0.1
   */
  public enum HeadVerdict {
    /** Nothing is wrong so far; more bytes of the first cluster are needed. */
    MORE_NEEDED,
    /** Nothing is wrong with the first cluster; the rest is for {@link ImageGate#inspect}. */
    PASSED
  }

  /**
   * Makes a gate with the standard limit.
   *
   * @return a gate for images of at most 64 TiB
   */
  public static ImageGate standard() {
    return new ImageGate(STANDARD_LIMIT_BYTES, false);
  }

  /**
   * Makes a gate with a limit of its own.
   *
   * @param bytes the largest virtual size to let through
   * @return a gate
   * @throws N0Exception INVALID for a limit below 512 bytes
   */
  public static ImageGate limitedTo(long bytes) {
    return new ImageGate(Rules.range("limitBytes", bytes, 512, Long.MAX_VALUE), false);
  }

  /**
   * Makes a gate that also lets images through that are encrypted by LUKS, never by AES, which is
   * broken.
   *
   * @return another gate with the same limit
   */
  public ImageGate allowingLuks() {
    return new ImageGate(limitBytes, true);
  }

  /**
   * Inspects an image that must stand alone.
   *
   * @param image absolute, normal path of a regular file
   * @param format the format its owner states
   * @return what was found
   * @throws N0Exception INVALID, naming field, value and rule, for an image that must not be used;
   *     NOT_FOUND, PERMISSION or UNAVAILABLE if it cannot be read
   */
  public Inspected inspect(Path image, ImageFormat format) {
    Inspected found = inspectLayer(image, format);
    found.header().flatMap(Qcow2Header::backingFile).ifPresent(name -> {
      throw N0Exception.invalid("image.backingFile", name, "must not be set" + in(image));
    });
    return found;
  }

  /**
   * Inspects an image that may have a backing file, such as a volume of one's own. The caller checks
   * that the backing file is the one it expects, and inspects it too.
   *
   * @param image absolute, normal path of a regular file
   * @param format its recorded format
   * @return what was found
   * @throws N0Exception as for {@link #inspect(Path, ImageFormat)}
   */
  public Inspected inspectLayer(Path image, ImageFormat format) {
    try (FileChannel file = ImageFiles.open(image)) {
      return format == ImageFormat.RAW ? raw(image, file) : qcow2(image, file);
    } catch (IOException e) {
      throw ImageFiles.failure("inspect image", image, e);
    }
  }

  /**
   * Inspects an image that may have backing files, and all of them. They may be anywhere on the host, so
   * the image must be one's own; each is inspected before its own backing file is looked for.
   *
   * @param image absolute, normal path of a regular file
   * @param format its recorded format
   * @return what was found, the image itself first
   * @throws N0Exception as for {@link #inspect(Path, ImageFormat)}; also INVALID if the chain leads back
   *     into itself, has more than 200 layers, or has one that is not a file of a written format, qcow2
   *     or raw
   */
  public List<Inspected> inspectChain(Path image, ImageFormat format) {
    List<Inspected> layers = new ArrayList<>();
    Qcow2Chain chain = Qcow2Chain.read(image, List.of(format), (path, stated) -> {
      layers.add(inspectLayer(path, stated));
      return layers.get(layers.size() - 1).header();
    });
    chain.unopened().ifPresent(end -> {
      throw N0Exception.invalid(
          "image.backingFile", end.name(), "must be a file of a written format, qcow2 or raw");
    });
    return List.copyOf(layers);
  }

  /**
   * Inspects the beginning of an image that must stand alone, so that a download can be refused early. Four
   * bytes refuse what is no qcow2, 105 bytes what has a backing file; the first cluster decides all that
   * is decided by names. Tables are only checked against limits, for it is not known how long the file
   * will be.
   *
   * @param head the beginning of the file, from position to limit, which are not changed; more than 2 MiB
   *     are of no use
   * @param format the format its owner states
   * @return whether more bytes can decide more
   * @throws N0Exception INVALID as for {@link #inspect(Path, ImageFormat)}
   */
  public HeadVerdict inspectHead(ByteBuffer head, ImageFormat format) {
    if (format == ImageFormat.RAW) {
      return HeadVerdict.PASSED;
    }
    ByteBuffer bytes = head.slice().order(ByteOrder.BIG_ENDIAN);
    if (bytes.limit() < HeaderReader.V2_BYTES) {
      inspectStart(bytes);
      return HeadVerdict.MORE_NEEDED;
    }
    String where = " in what was received";
    HeaderReader reader = new HeaderReader(bytes, Long.MAX_VALUE);
    try {
      HeaderReader.Fixed fixed = reader.fixed();
      requireFeatures(fixed.features(), fixed.encryption(), fixed.sizeBytes(), where);
      Checks.require(
          !fixed.namesBackingFile(), "image.backingFile", "set", "must not be set" + where);
      Qcow2Header header = reader.header();
      requireUsable(header, where);
      return HeadVerdict.PASSED;
    } catch (MoreBytesNeeded e) {
      return HeadVerdict.MORE_NEEDED;
    }
  }

  private static void inspectStart(ByteBuffer bytes) {
    if (bytes.limit() >= 4) {
      int magic = bytes.getInt(0);
      Checks.require(
          magic == Qcow2Header.MAGIC,
          "image.magic",
          Integer.toHexString(magic),
          "must be 514649fb");
    }
    if (bytes.limit() >= 8) {
      HeaderReader.requireMagic(bytes);
    }
  }

  private Inspected raw(Path image, FileChannel file) throws IOException {
    long size = file.size();
    requireSize(size);
    return new Inspected(image, ImageFormat.RAW, ImageFiles.wholeSectors(size), Optional.empty());
  }

  Inspected qcow2(Path image, FileChannel file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    requireUsable(header, in(image));
    new SnapshotReader(file, header).forEach(snapshot -> {});
    BitmapTables.check(file, header);
    LuksHeader.read(file, header);
    return new Inspected(image, ImageFormat.QCOW2, header.sizeBytes(), Optional.of(header));
  }

  private void requireUsable(Qcow2Header header, String where) {
    header.dataFile().ifPresent(name -> {
      throw N0Exception.invalid("image.dataFile", name, "must not be set" + where);
    });
    requireFeatures(header.features(), header.encryption(), header.sizeBytes(), where);
    Checks.require(
        header.encryption() != LUKS || header.luksPointer().isPresent(),
        "image.luksHeader",
        "none",
        "must be set with encryption 2" + where);
    TableLayout.requireApart(header);
  }

  private void requireFeatures(
      Qcow2Header.Features features, int encryption, long size, String where) {
    Checks.require(
        !features.externalDataFile(), "image.dataFile", "in use", "must not be set" + where);
    Checks.require(
        features.unknownIncompatible() == 0,
        "image.incompatibleFeatures",
        "0x" + Long.toHexString(features.incompatible()),
        "must be of bits 0 to 4" + where);
    Checks.require(
        !features.corrupt(),
        "image.incompatibleFeatures",
        "corrupt",
        "must not be set; see qemu-img check" + where);
    Checks.require(
        encryption == 0 || (encryption == LUKS && luks),
        "image.encryption",
        encryption,
        (luks ? "must be 0, not encrypted, or 2, LUKS" : "must be 0, not encrypted") + where);
    requireSize(size);
    Checks.require(size % 512 == 0, "image.size", size, "must be a multiple of 512" + where);
  }

  private void requireSize(long size) {
    Rules.range("image.size", size, 1, limitBytes);
  }

  private static String in(Path image) {
    return " in " + Rules.quote(image.toString());
  }
}
