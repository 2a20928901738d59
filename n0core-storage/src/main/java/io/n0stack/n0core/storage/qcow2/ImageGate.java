package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Inspects an image from outside before QEMU or {@code qemu-img} sees it. Either would open whatever
 * files and network addresses the image names, with the rights of the host.
 *
 * <p>The format is what the image's owner states. It is never guessed: a guest can write any header
 * into a raw disk. The image must not be replaced between inspection and use, so it has to lie where
 * those who are not trusted cannot write.
 *
 * <p>Thread-safe; holds nothing.
 *
 * @since 0.1
 */
public final class ImageGate {
  /** The largest virtual size that {@link #standard()} lets through: 64 TiB. */
  public static final long STANDARD_LIMIT_BYTES = 64L << 40;

  private final long limitBytes;

  private ImageGate(long limitBytes) {
    this.limitBytes = limitBytes;
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
   * Makes a gate with the standard limit.
   *
   * @return a gate for images of at most 64 TiB
   */
  public static ImageGate standard() {
    return new ImageGate(STANDARD_LIMIT_BYTES);
  }

  /**
   * Makes a gate with a limit of its own.
   *
   * @param bytes the largest virtual size to let through
   * @return a gate
   * @throws N0Exception INVALID for a limit below 512 bytes
   */
  public static ImageGate limitedTo(long bytes) {
    return new ImageGate(Rules.range("limitBytes", bytes, 512, Long.MAX_VALUE));
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
      throw N0Exception.invalid("image.backingFile", name, "must not be set in " + quoted(image));
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

  private Inspected raw(Path image, FileChannel file) throws IOException {
    long size = file.size();
    requireSize(size);
    long sectors = size / 512 + (size % 512 == 0 ? 0 : 1);
    return new Inspected(image, ImageFormat.RAW, sectors * 512, Optional.empty());
  }

  private Inspected qcow2(Path image, FileChannel file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    Qcow2Header.Features features = header.features();
    String where = " in " + quoted(image);
    if (features.externalDataFile() || header.dataFile().isPresent()) {
      throw N0Exception.invalid(
          "image.dataFile", header.dataFile().orElse("unnamed"), "must not be set" + where);
    }
    if (features.unknownIncompatible() != 0) {
      throw N0Exception.invalid(
          "image.incompatibleFeatures",
          "0x" + Long.toHexString(features.incompatible()),
          "must be of bits 0 to 4" + where);
    }
    if (features.corrupt()) {
      throw N0Exception.invalid(
          "image.incompatibleFeatures", "corrupt", "must not be set; see qemu-img check" + where);
    }
    if (header.encryption() != 0) {
      throw N0Exception.invalid(
          "image.encryption", header.encryption(), "must be 0, not encrypted" + where);
    }
    requireSize(header.sizeBytes());
    if (header.sizeBytes() % 512 != 0) {
      throw N0Exception.invalid(
          "image.size", header.sizeBytes(), "must be a multiple of 512" + where);
    }
    return new Inspected(image, ImageFormat.QCOW2, header.sizeBytes(), Optional.of(header));
  }

  private void requireSize(long size) {
    Rules.range("image.size", size, 1, limitBytes);
  }

  private static String quoted(Path image) {
    return Rules.quote(image.toString());
  }
}
