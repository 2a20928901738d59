package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The header of a qcow2 image, version 2 or 3, with its extensions.
 *
 * <p>Read natively: nothing the image names is opened, no lock is taken, and at most one cluster
 * (2 MiB) is read, usually 4 KiB. Reading says what the image <em>claims</em>; whether it may be used is for
 * {@link ImageGate} to say.
 *
 * @param version 2 or 3
 * @param sizeBytes what a guest sees
 * @param clusterBits logarithm of the cluster size, 9 to 21
 * @param refcountBits width of a reference count, 1 to 64
 * @param headerLength bytes before the extensions
 * @param encryption 0 for none, 1 for AES, 2 for LUKS
 * @param compression how compressed clusters are compressed
 * @param backingFile name of the file underneath, as written in the image
 * @param features what a reader must, may and must not ignore
 * @param tables where the tables are
 * @param extensions all header extensions, in their order
 * @since 0.1
 */
public record Qcow2Header(
    int version,
    long sizeBytes,
    int clusterBits,
    int refcountBits,
    int headerLength,
    int encryption,
    Qcow2Compression compression,
    Optional<String> backingFile,
    Features features,
    Tables tables,
    List<Qcow2Extension> extensions) {

  /** Copies the list. */
  public Qcow2Header {
    extensions = List.copyOf(extensions);
  }

  /** The first four bytes of each qcow2 image: {@code QFI} and 0xfb. */
  public static final int MAGIC = 0x514649fb;

  // All that QEMU writes into a header fits, unless the names are long.
  private static final int USUAL_BYTES = 4096;

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
     * Tells whether reference counts are written late, so that they may be stale after a crash.
     *
     * @return compatible bit 0
     */
    public boolean lazyRefcounts() {
      return (compatible & 1) != 0;
    }

    /**
     * Tells whether the bitmaps extension is up to date.
     *
     * @return autoclear bit 0
     */
    public boolean bitmaps() {
      return (autoclear & 1) != 0;
    }

    /**
     * Tells whether the external data file can be read as a raw image.
     *
     * @return autoclear bit 1
     */
    public boolean rawDataFile() {
      return (autoclear & 2) != 0;
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
   * Where the tables are.
   *
   * @param l1Offset position of the active L1 table
   * @param l1Size number of its entries
   * @param refcountTableOffset position of the reference count table
   * @param refcountTableClusters its length in clusters
   * @param snapshots where the snapshot table is
   * @since 0.1
   */
  public record Tables(
      long l1Offset,
      int l1Size,
      long refcountTableOffset,
      int refcountTableClusters,
      SnapshotTable snapshots) {}

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
    ByteBuffer start = ImageFiles.read(file, 0, (int) Math.min(length, USUAL_BYTES));
    try {
      return new HeaderReader(start, length).header();
    } catch (MoreBytesNeeded e) {
      return readWhole(file, start, length);
    }
  }

  private static Qcow2Header readWhole(FileChannel file, ByteBuffer start, long length)
      throws IOException {
    int most = (int) Math.min(length, 1L << HeaderReader.clusterBits(start));
    try {
      return new HeaderReader(ImageFiles.read(file, 0, most), length).header();
    } catch (MoreBytesNeeded e) {
      throw new EOFException("the file became shorter");
    }
  }

  /**
   * Reads the names of an image's snapshots.
   *
   * @param image path of the image
   * @return the names, in the order of the table, in which they were taken
   * @throws N0Exception as for {@link #read(Path)}
   */
  public static List<String> snapshotNames(Path image) {
    return Qcow2Snapshot.list(image).stream().map(Qcow2Snapshot::name).toList();
  }

  /**
   * Returns the size of a cluster.
   *
   * @return bytes, a power of two from 512 to 2 MiB
   */
  public int clusterSizeBytes() {
    return 1 << clusterBits;
  }

  /**
   * Returns the number of entries of the active L1 table.
   *
   * @return at most 4194304
   */
  public int l1Size() {
    return tables.l1Size();
  }

  /**
   * Returns where the snapshot table is.
   *
   * @return count and offset
   */
  public SnapshotTable snapshots() {
    return tables.snapshots();
  }

  /**
   * Returns the format of the backing file.
   *
   * @return its name as written in the image; if there are several, the last, which QEMU uses
   */
  public Optional<String> backingFormat() {
    return last(Qcow2Extension.BackingFormat.class).map(Qcow2Extension.BackingFormat::format);
  }

  /**
   * Returns the name of the file that holds the guest's data.
   *
   * @return the name as written in the image, even if the image does not say that it uses it
   */
  public Optional<String> dataFile() {
    return last(Qcow2Extension.DataFile.class).map(Qcow2Extension.DataFile::name);
  }

  /**
   * Returns where the directory of persistent bitmaps is.
   *
   * @return empty if there is none, or if a program that does not know bitmaps changed the image
   */
  public Optional<Qcow2Extension.Bitmaps> bitmapDirectory() {
    return features.bitmaps() ? last(Qcow2Extension.Bitmaps.class) : Optional.empty();
  }

  /**
   * Returns where the LUKS header is.
   *
   * @return empty if the image is not encrypted by LUKS
   */
  public Optional<Qcow2Extension.LuksPointer> luksPointer() {
    return last(Qcow2Extension.LuksPointer.class);
  }

  /**
   * Returns what the writer of the image called the feature bits.
   *
   * @return the names, empty if it gave none
   */
  public List<Qcow2Extension.FeatureName> featureNames() {
    return last(Qcow2Extension.FeatureNames.class)
        .map(Qcow2Extension.FeatureNames::names)
        .orElse(List.of());
  }

  private <T extends Qcow2Extension> Optional<T> last(Class<T> kind) {
    return extensions.stream().filter(kind::isInstance).map(kind::cast).reduce((a, b) -> b);
  }
}
