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
 * @since 0.1
 */
public record VolumeSpec(ImageFormat format, Optional<Long> sizeBytes, Optional<ImageSource> source)
    implements Spec {
  /** Checks the size, and that a backing image is asked for only where the format can have one. */
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
    return new VolumeSpec(format, Optional.of(bytes), source);
  }
}
