package io.n0stack.n0core.storage.live;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A block node of a running machine that has an image open: a layer of a disk, or the target of a job.
 *
 * @param name its name in QEMU, which changes at each start of the machine
 * @param driver QEMU's word for the format, such as {@code qcow2}
 * @param file the image, empty if it is not a file of this host
 * @param sizeBytes what a guest sees
 * @param readOnly whether QEMU has it open for reading alone
 * @param bitmaps its dirty bitmaps that n0core has made
 * @since 0.1
 */
public record LiveNode(
    String name,
    String driver,
    Optional<Path> file,
    long sizeBytes,
    boolean readOnly,
    List<LiveBitmap> bitmaps) {
  /** Copies the bitmaps. */
  public LiveNode {
    bitmaps = List.copyOf(bitmaps);
  }

  boolean holds(Path path) {
    return file.isPresent() && file.get().equals(path);
  }
}
