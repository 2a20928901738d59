package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
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
 * @param readOnly why nobody may write to the file, for people: for one, that other volumes lie on it, whose content
 *     would change with it. A machine may have it for reading alone; a driver of machines refuses a disk that the guest
 *     could write to. Empty if it may be written to
 * @since 0.1
 */
public record VolumeStatus(
    Path path,
    ImageFormat format,
    long sizeBytes,
    long allocatedBytes,
    Optional<Path> backingImage,
    Optional<Encryption> encryption,
    Optional<String> readOnly) {
  /**
   * Makes the status of a volume that may be written to.
   *
   * @param path absolute path of the file
   * @param format its format
   * @param sizeBytes what the guest sees
   * @param allocatedBytes what it takes on the host now
   * @param backingImage absolute path of the image underneath
   * @param encryption with which key it is encrypted; empty if it is not
   */
  public VolumeStatus(
      Path path,
      ImageFormat format,
      long sizeBytes,
      long allocatedBytes,
      Optional<Path> backingImage,
      Optional<Encryption> encryption) {
    this(path, format, sizeBytes, allocatedBytes, backingImage, encryption, Optional.empty());
  }

  /**
   * Makes the status of a volume that is not encrypted and may be written to.
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

  /**
   * Says that nobody may write to it.
   *
   * @param why the reason, for people
   * @return a changed copy
   */
  public VolumeStatus withReadOnly(String why) {
    return new VolumeStatus(
        path,
        format,
        sizeBytes,
        allocatedBytes,
        backingImage,
        encryption,
        Optional.of(Rules.text("why", why, 10_000)));
  }
}
