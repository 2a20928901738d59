package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Spec;
import java.util.Optional;

/**
 * A writable disk.
 *
 * @param format its format
 * @param sizeBytes what the guest sees: a multiple of 512, at most 2^63 - 512. May grow later, never
 *     shrink. Empty for the size of the source
 * @param source its first content; empty for zeroes
 * @param preallocation what of its space is taken when it is made; empty for nothing
 * @param encryption how it is encrypted; empty if it is not
 * @since 0.1
 */
public record VolumeSpec(
    ImageFormat format,
    Optional<Long> sizeBytes,
    Optional<ImageSource> source,
    Optional<Preallocation> preallocation,
    Optional<Encryption> encryption)
    implements Spec {
  /** Checks the size, and that the format can have what is asked for. */
  public VolumeSpec {
    sizeBytes.ifPresent(size -> {
      Rules.range("sizeBytes", size, 512, Long.MAX_VALUE - 511);
      if (size % 512 != 0) {
        throw N0Exception.invalid("sizeBytes", size, "must be a multiple of 512");
      }
    });
    if (sizeBytes.isEmpty() && source.isEmpty()) {
      throw N0Exception.invalid("sizeBytes", "", "must be given for a volume without a source");
    }
    if (format == ImageFormat.RAW && source.orElse(null) instanceof ImageSource.Backing) {
      throw N0Exception.invalid(
          "format", format, "must be QCOW2 for a volume with a backing image");
    }
    if (format == ImageFormat.RAW && encryption.isPresent()) {
      throw N0Exception.invalid("format", format, "must be QCOW2 for an encrypted volume");
    }
    if (format == ImageFormat.RAW
        && preallocation.orElse(Preallocation.OFF) == Preallocation.METADATA) {
      throw N0Exception.invalid(
          "preallocation", Preallocation.METADATA, "must be OFF, FALLOC or FULL for a raw volume");
    }
    if (source.orElse(null) instanceof ImageSource.Backing
        && preallocation.orElse(Preallocation.OFF) != Preallocation.OFF) {
      throw N0Exception.invalid(
          "preallocation",
          preallocation.orElseThrow(),
          "must be OFF for a volume with a backing image, which holds what is not its own");
    }
  }

  /**
   * Makes a volume that is neither preallocated nor encrypted.
   *
   * @param format its format
   * @param sizeBytes what the guest sees, a multiple of 512; empty for the size of the source
   * @param source its first content; empty for zeroes
   */
  public VolumeSpec(ImageFormat format, Optional<Long> sizeBytes, Optional<ImageSource> source) {
    this(format, sizeBytes, source, Optional.empty(), Optional.empty());
  }

  /**
   * Makes an empty qcow2 volume.
   *
   * @param sizeBytes what the guest sees, a multiple of 512
   * @return the spec
   */
  public static VolumeSpec empty(long sizeBytes) {
    return new VolumeSpec(ImageFormat.QCOW2, Optional.of(sizeBytes), Optional.empty());
  }

  /**
   * Makes a qcow2 volume from an image.
   *
   * @param source the image
   * @return the spec of a volume as large as the image
   */
  public static VolumeSpec from(ImageSource source) {
    return new VolumeSpec(ImageFormat.QCOW2, Optional.empty(), Optional.of(source));
  }

  /**
   * Changes the size.
   *
   * @param bytes what the guest sees, a multiple of 512
   * @return a changed copy
   */
  public VolumeSpec withSizeBytes(long bytes) {
    return new VolumeSpec(format, Optional.of(bytes), source, preallocation, encryption);
  }

  /**
   * Changes what of its space is taken when it is made.
   *
   * @param what what is taken
   * @return a changed copy
   */
  public VolumeSpec withPreallocation(Preallocation what) {
    return new VolumeSpec(format, sizeBytes, source, Optional.of(what), encryption);
  }

  /**
   * Encrypts it.
   *
   * @param how with which key
   * @return a changed copy
   */
  public VolumeSpec withEncryption(Encryption how) {
    return new VolumeSpec(format, sizeBytes, source, preallocation, Optional.of(how));
  }
}
