package io.n0stack.n0core.api.storage;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A volume as it is on the host.
 *
 * @param path absolute path of the file
 * @param format its format
 * @param sizeBytes what the guest sees
 * @param allocatedBytes what it takes on the host now
 * @param backingImage absolute path of the image underneath
 * @param encryption with which key it is encrypted; empty if it is not
 * @since 0.1
 */
public record VolumeStatus(
    Path path,
    ImageFormat format,
    long sizeBytes,
    long allocatedBytes,
    Optional<Path> backingImage,
    Optional<Encryption> encryption) {
  /**
   * Makes the status of a volume that is not encrypted.
   *
   * @param path absolute path of the file
   * @param format its format
   * @param sizeBytes what the guest sees
   * @param allocatedBytes what it takes on the host now
   * @param backingImage absolute path of the image underneath
   */
  public VolumeStatus(
      Path path,
      ImageFormat format,
      long sizeBytes,
      long allocatedBytes,
      Optional<Path> backingImage) {
    this(path, format, sizeBytes, allocatedBytes, backingImage, Optional.empty());
  }
}
