package io.n0stack.n0core.storage.qcow2;

import static java.util.Objects.requireNonNull;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Makes a qcow2 image larger in place, without QEMU: by one write of 16 bytes within its first sector, which
 * a disk writes whole or not at all. This works as long as the clusters of the L1 table have room for the
 * entries of the larger size, which with the usual clusters of 64 KiB means up to 4 TiB. Whatever happens, the
 * image has the old size or the new one. What is not plain is left to {@code qemu-img resize}.
 *
 * <p>Nobody else may have the image open, for QEMU does not look at the header again. The caller holds QEMU's
 * locks of the file, or knows otherwise.
 *
 * @param sizeBytes what a guest is to see, a multiple of 512
 * @param backingSizeBytes what a guest sees of the image's backing file, if known; without it, an image that has
 *     one is not grown in place
 * @since 0.1
 */
public record Qcow2Growth(long sizeBytes, OptionalLong backingSizeBytes) {
  private static final int SECTOR_BYTES = 512;
  private static final int SIZE_OFFSET = 24;

  /**
   * Checks the sizes.
   *
   * @throws N0Exception INVALID for a size that is negative, or no multiple of 512
   */
  public Qcow2Growth {
    requireNonNull(backingSizeBytes, "backingSizeBytes");
    requireSectors("sizeBytes", sizeBytes);
    if (backingSizeBytes.isPresent()) {
      requireSectors("backingSizeBytes", backingSizeBytes.getAsLong());
    }
  }

  /**
   * Asks for a size.
   *
   * @param sizeBytes what a guest is to see, a multiple of 512
   * @return a growth to that size, of an image without backing file
   * @throws N0Exception INVALID for a size that is negative, or no multiple of 512
   */
  public static Qcow2Growth to(long sizeBytes) {
    return new Qcow2Growth(sizeBytes, OptionalLong.empty());
  }

  /**
   * States how large the backing file is. If it is larger than the image, it would show in the new
   * part, which has to be zero: such an image is not grown in place.
   *
   * @param bytes what a guest sees of the backing file, a multiple of 512
   * @return a growth to the same size
   * @throws N0Exception INVALID for a size that is negative, or no multiple of 512
   */
  public Qcow2Growth withBackingSizeBytes(long bytes) {
    return new Qcow2Growth(sizeBytes, OptionalLong.of(bytes));
  }

  /**
   * Tells why the image cannot grow in place. Changes nothing.
   *
   * @param image the image, open for reading
   * @return the reason in words, such as {@code it has bitmaps}; empty if it can
   * @throws N0Exception INVALID for what is not a sound qcow2 header, or if the image is larger than
   *     wanted or cannot be as large with its clusters
   * @throws IOException if the image cannot be read
   */
  public Optional<String> obstacle(FileChannel image) throws IOException {
    return new GrowthPlan(image, this).obstacle();
  }

  /**
   * Makes the image larger and syncs it. If it has the size already, nothing is written.
   *
   * @param image the image, open for reading and writing, not for appending
   * @throws N0Exception UNSUPPORTED, before anything is written, if there is an {@link
   *     #obstacle(FileChannel)}; INVALID as there
   * @throws IOException if the image cannot be read, written or synced; it has the old size or the new
   *     one
   */
  public void apply(FileChannel image) throws IOException {
    GrowthPlan plan = new GrowthPlan(image, this);
    Optional<String> obstacle = plan.obstacle();
    if (obstacle.isPresent()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED, "image", "grow image in place: " + obstacle.get());
    }
    if (plan.header().sizeBytes() == sizeBytes) {
      return;
    }
    ByteBuffer tail = plan.tail();
    if (tail.hasRemaining()) {
      // Nothing says what lies behind the table. The header must not count it before it is zero.
      ImageWrites.write(image, tail, plan.tailOffset());
      image.force(false);
    }
    ByteBuffer header = ByteBuffer.allocate(16);
    header.putLong(sizeBytes).putInt(plan.header().encryption()).putInt(plan.l1Entries());
    ImageWrites.write(image, header.flip(), SIZE_OFFSET);
    image.force(false);
  }

  private static void requireSectors(String field, long bytes) {
    if (bytes < 0 || bytes % SECTOR_BYTES != 0) {
      throw N0Exception.invalid(field, bytes, "must be a multiple of 512");
    }
  }
}
