package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * All that {@code qemu-img info} says about an image, read without it: no lock is taken, so that it
 * works while a machine runs, and nothing the image names is opened.
 *
 * @param image the image
 * @param format its format, as stated
 * @param sizeBytes what a guest sees
 * @param allocatedBytes what the file takes on the host
 * @param header its header, empty for a raw image
 * @param snapshots its internal snapshots
 * @param bitmaps its persistent bitmaps
 * @param luks its LUKS header, if it is encrypted so
 * @since 0.1
 */
public record ImageInfo(
    Path image,
    ImageFormat format,
    long sizeBytes,
    long allocatedBytes,
    Optional<Qcow2Header> header,
    List<Qcow2Snapshot> snapshots,
    List<Qcow2Bitmap> bitmaps,
    Optional<LuksHeader> luks) {

  /** Copies the lists. */
  public ImageInfo {
    snapshots = List.copyOf(snapshots);
    bitmaps = List.copyOf(bitmaps);
  }

  /**
   * Reads an image.
   *
   * @param image absolute path of the image
   * @param format its format, as its owner states; it is never guessed
   * @return what it says
   * @throws N0Exception as for {@link Qcow2Header#read(Path)}
   */
  public static ImageInfo read(Path image, ImageFormat format) {
    try (FileChannel file = ImageFiles.open(image)) {
      long allocated = HostFile.allocatedBytes(image);
      return format == ImageFormat.RAW
          ? raw(image, allocated, file)
          : qcow2(image, allocated, file);
    } catch (IOException e) {
      throw ImageFiles.failure("read image", image, e);
    }
  }

  private static ImageInfo raw(Path image, long allocated, FileChannel file) throws IOException {
    return new ImageInfo(
        image,
        ImageFormat.RAW,
        ImageFiles.wholeSectors(file.size()),
        allocated,
        Optional.empty(),
        List.of(),
        List.of(),
        Optional.empty());
  }

  private static ImageInfo qcow2(Path image, long allocated, FileChannel file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    return new ImageInfo(
        image,
        ImageFormat.QCOW2,
        header.sizeBytes() / 512 * 512, // as QEMU, whose own images never have a rest
        allocated,
        Optional.of(header),
        Qcow2Snapshot.list(file, header),
        Qcow2Bitmap.list(file, header),
        LuksHeader.read(file, header));
  }
}
