package io.n0stack.n0core.storage.qcow2;

import static java.util.Objects.requireNonNull;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * How a new image is made: version 3, without data, without encryption, all data in the image itself. What
 * QEMU would refuse is refused here, so that whatever can be constructed can be written.
 *
 * @param sizeBytes what a guest sees, a multiple of 512, which may be 0
 * @param clusterSizeBytes a power of two from 512 to 2 MiB
 * @param refcountBits width of a reference count, a power of two from 1 to 64
 * @param features what else the image is to have
 * @param compression how clusters are compressed by whoever compresses some
 * @param backing the file underneath
 * @since 0.1
 */
public record Qcow2Options(
    long sizeBytes,
    int clusterSizeBytes,
    int refcountBits,
    Set<Feature> features,
    Qcow2Compression compression,
    Optional<Backing> backing) {
  /** The size of a cluster unless another is asked for: 64 KiB, as in QEMU. */
  public static final int STANDARD_CLUSTER_BYTES = 64 << 10;

  /** The width of a reference count unless another is asked for: 16, as in QEMU. */
  public static final int STANDARD_REFCOUNT_BITS = 16;

  private static final int LEAST_CLUSTER_BYTES = 512;
  private static final int MOST_CLUSTER_BYTES = 2 << 20;
  private static final int MOST_REFCOUNT_BITS = 64;
  private static final int LEAST_EXTENDED_L2_CLUSTER_BYTES = 16 << 10; // 32 subclusters of 512
  private static final int SECTOR_BYTES = 512;

  /**
   * What an image can have.
   *
   * @since 0.1
   */
  public enum Feature {
    /** Reference counts may be stale while the image is open, and are rebuilt after a crash. */
    LAZY_REFCOUNTS,
    /** Each cluster is divided into 32 subclusters; clusters must be of 16 KiB or more. */
    EXTENDED_L2
  }

  /**
   * The file underneath. It is not opened here: that it exists, is sound and is not larger than wanted is for
   * the caller to see, and so is that it does not change.
   *
   * @param file absolute, normal path, at most 1023 bytes of UTF-8
   * @param format its format, which QEMU then does not guess
   * @since 0.1
   */
  public record Backing(Path file, ImageFormat format) {
    private static final int NAME_BYTES = 1023;

    /**
     * Checks path and format.
     *
     * @throws N0Exception INVALID if the path is not absolute and normal, is too long, or cannot be
     *     written as UTF-8 such that the same bytes name the file
     */
    public Backing {
      Rules.absolutePath("backing.file", file);
      requireNonNull(format, "format");
      byte[] name = name(file);
      if (name.length > NAME_BYTES) {
        throw N0Exception.invalid("backing.file", file, "must be at most 1023 bytes of UTF-8");
      }
      // Where the JVM's locale is not UTF-8, other bytes name the file than a reader would look up.
      boolean exact = name.length == file.toString().length()
          || Arrays.equals(name, file.toString().getBytes(Names.CHARSET));
      if (!exact || file.toString().indexOf('\ufffd') >= 0) {
        throw N0Exception.invalid("backing.file", file, "must be a name in UTF-8");
      }
    }

    byte[] nameBytes() {
      return name(file);
    }

    byte[] formatBytes() {
      return format.name().toLowerCase(Locale.ROOT).getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] name(Path file) {
      return file.toString().getBytes(StandardCharsets.UTF_8);
    }
  }

  /** How this JVM turns text into names of files. */
  private static final class Names {
    static final Charset CHARSET =
        Charset.forName(System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name()));

    private Names() {}
  }

  /**
   * Checks that QEMU would make and open such an image.
   *
   * @throws N0Exception INVALID, naming field, value and rule
   */
  public Qcow2Options {
    features = Set.copyOf(features);
    requireNonNull(compression, "compression");
    requireNonNull(backing, "backing");
    requirePowerOfTwo(
        "clusterSizeBytes", clusterSizeBytes, LEAST_CLUSTER_BYTES, MOST_CLUSTER_BYTES);
    requirePowerOfTwo("refcountBits", refcountBits, 1, MOST_REFCOUNT_BITS);
    boolean extended = features.contains(Feature.EXTENDED_L2);
    if (extended && clusterSizeBytes < LEAST_EXTENDED_L2_CLUSTER_BYTES) {
      throw N0Exception.invalid(
          "clusterSizeBytes", clusterSizeBytes, "must be at least 16384 with extended L2 entries");
    }
    long most = L1Tables.mostBytes(Integer.numberOfTrailingZeros(clusterSizeBytes), extended);
    if (sizeBytes < 0 || sizeBytes > most || sizeBytes % SECTOR_BYTES != 0) {
      throw N0Exception.invalid(
          "sizeBytes",
          sizeBytes,
          "must be a multiple of 512 from 0 to " + most + " with clusters of " + clusterSizeBytes);
    }
    int header = HeaderWriter.length(clusterSizeBytes, backing);
    if (header > clusterSizeBytes) {
      throw N0Exception.invalid(
          "backing.file",
          backing.orElseThrow().file(),
          "must be at most "
              + (backing.orElseThrow().nameBytes().length - header + clusterSizeBytes)
              + " bytes of UTF-8 with clusters of " + clusterSizeBytes);
    }
  }

  /**
   * Returns what QEMU chooses if nothing is asked for but a size.
   *
   * @param sizeBytes what a guest sees, a multiple of 512
   * @return the options
   * @throws N0Exception INVALID for a size that is no multiple of 512 or above 2 PiB
   */
  public static Qcow2Options of(long sizeBytes) {
    return builder(sizeBytes).build();
  }

  /**
   * Begins with what QEMU chooses if nothing is asked for but a size.
   *
   * @param sizeBytes what a guest sees, a multiple of 512
   * @return a builder
   */
  public static Builder builder(long sizeBytes) {
    return new Builder(sizeBytes);
  }

  int clusterBits() {
    return Integer.numberOfTrailingZeros(clusterSizeBytes);
  }

  boolean has(Feature feature) {
    return features.contains(feature);
  }

  private static void requirePowerOfTwo(String field, int value, int least, int most) {
    if (value < least || value > most || Integer.bitCount(value) != 1) {
      throw N0Exception.invalid(
          field, value, "must be a power of two from " + least + " to " + most);
    }
  }

  /**
   * Collects options. Nothing is checked before {@link #build()}. Not thread-safe.
   *
   * @since 0.1
   */
  public static final class Builder {
    private final long sizeBytes;
    private int clusterSizeBytes = STANDARD_CLUSTER_BYTES;
    private int refcountBits = STANDARD_REFCOUNT_BITS;
    private final Set<Feature> features = EnumSet.noneOf(Feature.class);
    private Qcow2Compression compression = Qcow2Compression.ZLIB;
    private Optional<Backing> backing = Optional.empty();

    private Builder(long sizeBytes) {
      this.sizeBytes = sizeBytes;
    }

    /**
     * Sets the size of a cluster.
     *
     * @param bytes a power of two from 512 to 2 MiB
     * @return this builder
     */
    public Builder clusterSizeBytes(int bytes) {
      clusterSizeBytes = bytes;
      return this;
    }

    /**
     * Sets the width of a reference count.
     *
     * @param bits a power of two from 1 to 64; with 1, the image cannot have internal snapshots
     * @return this builder
     */
    public Builder refcountBits(int bits) {
      refcountBits = bits;
      return this;
    }

    /**
     * Adds a feature.
     *
     * @param feature what the image is to have
     * @return this builder
     */
    public Builder with(Feature feature) {
      features.add(feature);
      return this;
    }

    /**
     * Sets how clusters are compressed.
     *
     * @param type the method
     * @return this builder
     */
    public Builder compression(Qcow2Compression type) {
      compression = type;
      return this;
    }

    /**
     * Puts the image over another: what is not written in it is read from there.
     *
     * @param file absolute, normal path of the other
     * @param format its format
     * @return this builder
     * @throws N0Exception INVALID as for {@link Backing}
     */
    public Builder backing(Path file, ImageFormat format) {
      backing = Optional.of(new Backing(file, format));
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     * @throws N0Exception INVALID, naming field, value and rule
     */
    public Qcow2Options build() {
      return new Qcow2Options(
          sizeBytes, clusterSizeBytes, refcountBits, features, compression, backing);
    }
  }
}
