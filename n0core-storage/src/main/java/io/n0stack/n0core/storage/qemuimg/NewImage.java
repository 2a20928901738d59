package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.qcow2.Qcow2Compression;
import java.util.Optional;
import java.util.Set;

/**
 * How an image is to be made.
 *
 * @since 0.1
 */
public sealed interface NewImage permits NewImage.Raw, NewImage.Qcow2, NewImage.Luks {
  /**
   * Plain bytes.
   *
   * @param preallocation anything but METADATA
   */
  record Raw(Preallocation preallocation) implements NewImage {
    /**
     * Checks the preallocation.
     *
     * @throws N0Exception INVALID if it is METADATA
     */
    public Raw {
      requireNoTables(preallocation);
    }

    /**
     * Makes it sparse.
     *
     * @return the form
     */
    public static Raw sparse() {
      return new Raw(Preallocation.OFF);
    }
  }

  /**
   * Encrypted plain bytes.
   *
   * @param encryption what opens it
   * @param preallocation anything but METADATA
   */
  record Luks(Encryption encryption, Preallocation preallocation) implements NewImage {
    /**
     * Checks the preallocation.
     *
     * @throws N0Exception INVALID if it is METADATA
     */
    public Luks {
      requireNoTables(preallocation);
    }

    /**
     * Makes it sparse.
     *
     * @param encryption what opens it
     * @return the form
     */
    public static Luks sparse(Encryption encryption) {
      return new Luks(encryption, Preallocation.OFF);
    }
  }

  /** What a qcow2 image may have besides. */
  enum Feature {
    /** Reference counts are written late; after a crash the image must be repaired. */
    LAZY_REFCOUNTS,
    /** Clusters are allocated in 32 parts. */
    EXTENDED_L2
  }

  /**
   * QEMU's copy-on-write format, version 3.
   *
   * @param clusterBytes a power of two, 512 to 2 MiB; at least 16 KiB with EXTENDED_L2
   * @param refcountBits a power of two, 1 to 64
   * @param features what it has besides
   * @param compression how it compresses, if asked to
   * @param preallocation what is allocated
   * @param encryption what opens it, if it is encrypted
   */
  record Qcow2(
      long clusterBytes,
      int refcountBits,
      Set<Feature> features,
      Qcow2Compression compression,
      Preallocation preallocation,
      Optional<Encryption> encryption)
      implements NewImage {
    /**
     * Checks the numbers.
     *
     * @throws N0Exception INVALID if a number is no power of two or out of range
     */
    public Qcow2 {
      features = Set.copyOf(features);
      long least = features.contains(Feature.EXTENDED_L2) ? 16 << 10 : 512;
      powerOfTwo("clusterBytes", Rules.range("clusterBytes", clusterBytes, least, 2 << 20));
      powerOfTwo("refcountBits", Rules.range("refcountBits", refcountBits, 1, 64));
    }

    /**
     * Makes it as QEMU does unless told otherwise: clusters of 64 KiB, 16 bits, sparse, not encrypted.
     *
     * @return the form
     */
    public static Qcow2 standard() {
      return new Qcow2(
          64 << 10, 16, Set.of(), Qcow2Compression.ZLIB, Preallocation.OFF, Optional.empty());
    }

    /**
     * Sets the size of a cluster.
     *
     * @param bytes a power of two, 512 to 2 MiB
     * @return the changed form
     */
    public Qcow2 withClusterBytes(long bytes) {
      return new Qcow2(bytes, refcountBits, features, compression, preallocation, encryption);
    }

    /**
     * Sets the width of a reference count.
     *
     * @param bits a power of two, 1 to 64
     * @return the changed form
     */
    public Qcow2 withRefcountBits(int bits) {
      return new Qcow2(clusterBytes, bits, features, compression, preallocation, encryption);
    }

    /**
     * Sets what it has besides.
     *
     * @param all all of it
     * @return the changed form
     */
    public Qcow2 withFeatures(Set<Feature> all) {
      return new Qcow2(clusterBytes, refcountBits, all, compression, preallocation, encryption);
    }

    /**
     * Sets how it compresses.
     *
     * @param method the method
     * @return the changed form
     */
    public Qcow2 withCompression(Qcow2Compression method) {
      return new Qcow2(clusterBytes, refcountBits, features, method, preallocation, encryption);
    }

    /**
     * Sets what is allocated.
     *
     * @param allocated what is
     * @return the changed form
     */
    public Qcow2 withPreallocation(Preallocation allocated) {
      return new Qcow2(clusterBytes, refcountBits, features, compression, allocated, encryption);
    }

    /**
     * Encrypts it.
     *
     * @param by what opens it
     * @return the changed form
     */
    public Qcow2 withEncryption(Encryption by) {
      return new Qcow2(
          clusterBytes, refcountBits, features, compression, preallocation, Optional.of(by));
    }

    private static void powerOfTwo(String field, long value) {
      if (Long.bitCount(value) != 1) {
        throw N0Exception.invalid(field, value, "must be a power of two");
      }
    }
  }

  private static void requireNoTables(Preallocation preallocation) {
    if (preallocation == Preallocation.METADATA) {
      throw N0Exception.invalid("preallocation", preallocation, "must be OFF, FALLOC or FULL");
    }
  }
}
