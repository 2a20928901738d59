package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The header of a qcow2 image, version 2 or 3, with its extensions and snapshot names.
 *
 * <p>Read natively: nothing the image names is opened, no lock is taken, and at most one cluster
 * (2 MiB) and the snapshot table (16 MiB) are read. Reading says what the image <em>claims</em>; whether
 * it may be used is for {@link ImageGate} to say.
 *
 * @param version 2 or 3
 * @param sizeBytes what a guest sees
 * @param clusterBits logarithm of the cluster size, 9 to 21
 * @param refcountBits width of a reference count, 1 to 64
 * @param l1Size number of entries of the active L1 table
 * @param encryption 0 for none, 1 for AES, 2 for LUKS
 * @param backingFile name of the file underneath, as written in the image
 * @param backingFormat its format, as written in the image
 * @param dataFile name of the file that holds the guest's data, as written in the image, even if the
 *     image does not say that it uses it
 * @param features what a reader must, may and must not ignore
 * @param snapshots where the snapshot table is
 * @since 0.1
 */
public record Qcow2Header(
    int version,
    long sizeBytes,
    int clusterBits,
    int refcountBits,
    int l1Size,
    int encryption,
    Optional<String> backingFile,
    Optional<String> backingFormat,
    Optional<String> dataFile,
    Features features,
    SnapshotTable snapshots) {

  /** The first four bytes of each qcow2 image: {@code QFI} and 0xfb. */
  public static final int MAGIC = 0x514649fb;

  /**
   * The feature bits of the header.
   *
   * @param incompatible a reader that does not know one of these must not open the image
   * @param compatible may be ignored
   * @param autoclear cleared by a writer that does not know them
   * @since 0.1
   */
  public record Features(long incompatible, long compatible, long autoclear) {
    private static final long KNOWN = 0x1f;

    /**
     * Tells whether the reference counts may be stale.
     *
     * @return bit 0
     */
    public boolean dirty() {
      return (incompatible & 1) != 0;
    }

    /**
     * Tells whether QEMU found the metadata damaged.
     *
     * @return bit 1
     */
    public boolean corrupt() {
      return (incompatible & 2) != 0;
    }

    /**
     * Tells whether the guest's data is in another file.
     *
     * @return bit 2
     */
    public boolean externalDataFile() {
      return (incompatible & 4) != 0;
    }

    /**
     * Tells whether clusters are divided into 32 subclusters.
     *
     * @return bit 4
     */
    public boolean extendedL2() {
      return (incompatible & 16) != 0;
    }

    /**
     * Returns the incompatible features that qcow2 had no meaning for when this was written.
     *
     * @return the bits above 4
     */
    public long unknownIncompatible() {
      return incompatible & ~KNOWN;
    }
  }

  /**
   * Where the snapshot table is.
   *
   * @param count number of snapshots, at most 65536
   * @param offset position in the file, 0 if there are none
   * @since 0.1
   */
  public record SnapshotTable(int count, long offset) {}

  /**
   * Reads the header of an image. The file is not written, not locked, and not followed if it is a
   * symbolic link.
   *
   * @param image path of the image
   * @return its header
   * @throws N0Exception INVALID, naming field, value and rule, for what is not a sound qcow2 header;
   *     NOT_FOUND, PERMISSION or UNAVAILABLE if it cannot be read
   */
  public static Qcow2Header read(Path image) {
    try (FileChannel file = ImageFiles.open(image)) {
      return read(file);
    } catch (IOException e) {
      throw ImageFiles.failure("read image", image, e);
    }
  }

  static Qcow2Header read(FileChannel file) throws IOException {
    long length = file.size();
    ByteBuffer fixed = ImageFiles.read(file, 0, HeaderReader.FIXED_BYTES);
    int clusterBits = HeaderReader.clusterBits(fixed);
    int most = (int) Math.min(length, 1L << clusterBits);
    return new HeaderReader(ImageFiles.read(file, 0, most), length).header();
  }

  /**
   * Reads the names of an image's snapshots.
   *
   * @param image path of the image
   * @return the names, in the order of the table, in which they were taken
   * @throws N0Exception as for {@link #read(Path)}
   */
  public static List<String> snapshotNames(Path image) {
    try (FileChannel file = ImageFiles.open(image)) {
      return new SnapshotReader(file, read(file).snapshots()).names();
    } catch (IOException e) {
      throw ImageFiles.failure("read snapshots of image", image, e);
    }
  }

  /**
   * Returns the size of a cluster.
   *
   * @return bytes, a power of two from 512 to 2 MiB
   */
  public int clusterSizeBytes() {
    return 1 << clusterBits;
  }
}
