package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A persistent dirty bitmap of an image: which parts of the disk changed since it was made.
 *
 * @param name its name, unique within the image
 * @param granularityBytes bytes of the disk under one bit, a power of two from 512 to 2 GiB
 * @param flags its state
 * @param tableOffset position of its table
 * @param tableSize number of entries of its table
 * @since 0.1
 */
public record Qcow2Bitmap(
    String name, long granularityBytes, Set<Flag> flags, long tableOffset, int tableSize) {

  /** Copies the flags. */
  public Qcow2Bitmap {
    flags = Set.copyOf(flags);
  }

  /**
   * State of a bitmap.
   *
   * @since 0.1
   */
  public enum Flag {
    /** A program that was recording has not stored it, so that its bits mean nothing. */
    IN_USE,
    /** QEMU records into it whenever it opens the image for writing. */
    AUTO
  }

  /**
   * Lists the bitmaps of an image. Neither writes nor locks it.
   *
   * @param image absolute path of the image
   * @return the bitmaps, in the order of the directory; empty if a program that does not know bitmaps
   *     changed the image
   * @throws N0Exception as for {@link Qcow2Header#read(Path)}
   */
  public static List<Qcow2Bitmap> list(Path image) {
    try (FileChannel file = ImageFiles.open(image)) {
      return list(file, Qcow2Header.read(file));
    } catch (IOException e) {
      throw ImageFiles.failure("read bitmaps of image", image, e);
    }
  }

  static List<Qcow2Bitmap> list(FileChannel file, Qcow2Header header) throws IOException {
    List<Qcow2Bitmap> bitmaps = new ArrayList<>();
    new BitmapReader(file, header).forEach(bitmaps::add);
    return List.copyOf(bitmaps);
  }
}
