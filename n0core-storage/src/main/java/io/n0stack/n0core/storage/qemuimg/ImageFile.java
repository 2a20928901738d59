package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;
import java.util.Optional;

/**
 * An image that exists: a regular file, its format, and what opens it if it is encrypted. Its content
 * is trusted: show it to {@link io.n0stack.n0core.storage.qcow2.ImageGate} before, because a qcow2
 * image can name other files, which {@code qemu-img} opens.
 *
 * @param path absolute and normal, without control characters
 * @param format never guessed
 * @param secret opens it; none for RAW, always one for LUKS
 * @since 0.1
 */
public record ImageFile(Path path, Format format, Optional<Secret> secret) {
  /** The formats of images that are trusted. */
  public enum Format {
    /** Plain bytes. */
    RAW("raw"),
    /** QEMU's copy-on-write format; encrypted if there is a secret. */
    QCOW2("qcow2"),
    /** Encrypted plain bytes. */
    LUKS("luks");

    final String driver;

    Format(String driver) {
      this.driver = driver;
    }
  }

  /**
   * Checks path and secret.
   *
   * @throws N0Exception INVALID if the path is not absolute and normal, or there is a secret where none
   *     can be, or none where one must be
   */
  public ImageFile {
    Names.path("path", path);
    if (secret.isPresent() ? format == Format.RAW : format == Format.LUKS) {
      throw N0Exception.invalid(
          "secret", secret, "must be there for LUKS, must not be there for RAW");
    }
  }

  /**
   * Names a raw image.
   *
   * @param path where it is
   * @return the image
   */
  public static ImageFile raw(Path path) {
    return new ImageFile(path, Format.RAW, Optional.empty());
  }

  /**
   * Names a qcow2 image that is not encrypted.
   *
   * @param path where it is
   * @return the image
   */
  public static ImageFile qcow2(Path path) {
    return new ImageFile(path, Format.QCOW2, Optional.empty());
  }

  /**
   * Names an image that is not encrypted.
   *
   * @param path where it is
   * @param format its format
   * @return the image
   */
  public static ImageFile of(Path path, ImageFormat format) {
    return format == ImageFormat.RAW ? raw(path) : qcow2(path);
  }

  /**
   * Names an encrypted raw image.
   *
   * @param path where it is
   * @param secret opens it
   * @return the image
   */
  public static ImageFile luks(Path path, Secret secret) {
    return new ImageFile(path, Format.LUKS, Optional.of(secret));
  }

  /**
   * Says what opens this image.
   *
   * @param key opens it
   * @return the same image with that secret
   */
  public ImageFile withSecret(Secret key) {
    return new ImageFile(path, format, Optional.of(key));
  }
}
