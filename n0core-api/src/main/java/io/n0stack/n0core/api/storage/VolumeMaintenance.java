package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;

/**
 * A storage driver's capability: work on a volume beyond its life and its snapshots. {@link #flatten} and {@link
 * #export} may also be called while a machine is running on the volume, if the driver can ask the machine's QEMU; all else
 * is for a volume that no machine is using, and refused with BUSY otherwise.
 *
 * @since 0.1
 */
public interface VolumeMaintenance {
  /**
   * Looks whether a volume's metadata is sound. Changes nothing.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @return what was found; a raw volume has no metadata and is sound
   * @throws N0Exception NOT_FOUND if there is no such volume; BUSY if it is in use
   */
  Soundness check(Context cx, ResourceId volume);

  /**
   * Repairs a volume's metadata.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param what how much to repair
   * @return what is left to find
   * @throws N0Exception as for {@link #check}
   */
  Soundness repair(Context cx, ResourceId volume, Repair what);

  /**
   * Cuts off the end of a volume: what the guest had there is lost.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param sizeBytes what the guest is to see, a multiple of 512 below its present size
   * @throws N0Exception INVALID for a size that is no cut; PRECONDITION if snapshots need the end
   */
  void shrink(Context cx, ResourceId volume, long sizeBytes);

  /**
   * Copies into a volume what it has from its backing image, on which it then no longer depends. A machine that is
   * running on it copies by itself and goes on. One that is cut short is found done or not begun when the volume is
   * applied or used next; what a running machine goes on with is waited for.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @throws N0Exception NOT_FOUND if there is no such volume; BUSY if it is in use by what cannot be asked, or the
   *     machine is working on the disk already; PRECONDITION if a machine is running on it and it has external snapshots;
   *     EXHAUSTED if there is no room for the copy. In each case it is as it was
   */
  void flatten(Context cx, ResourceId volume);

  /**
   * Moves a volume to another backing image; its content stays, and so what differs is copied.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param image the image to lie on
   */
  void rebase(Context cx, ResourceId volume, ImageSource.Backing image);

  /**
   * Writes what differs from the backing image into it, if that is a volume of the same driver which
   * nothing else lies on and nobody uses.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @throws N0Exception PRECONDITION if the backing image is none such
   */
  void commit(Context cx, ResourceId volume);

  /**
   * Tells how large a file would be to which the volume is written.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param format the format of the file
   * @return its size
   */
  FileSize measure(Context cx, ResourceId volume, ImageFormat format);

  /**
   * Writes what a volume holds into a new file, which stands alone and is durable on return. Of a volume that a machine
   * is running on, it is what the volume holds at one moment after the call; the machine goes on, and the driver needs room
   * for one more copy meanwhile. If an agent in its guest answers, the guest's file systems are frozen at that moment.
   * Of an export that is cut short nothing is left once the volume is applied or used again.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param target absolute path of a file that does not exist; its directory does
   * @param format the format of the file
   * @return the file's size and digest, and what a guest finds in it
   * @throws N0Exception NOT_FOUND if there is no such volume; ALREADY_EXISTS if there is something at the path, which is
   *     left as it is; BUSY if the volume is in use by what cannot be asked, or the machine is working on the disk
   *     already; EXHAUSTED if there is no room
   */
  ExportedImage export(Context cx, ResourceId volume, Path target, ImageFormat format);

  /** How much to repair. */
  enum Repair {
    /** Space that nothing uses: no data can be lost by it. */
    LEAKS,
    /** All that can be repaired; where two claim one place, one of them loses. */
    ALL
  }

  /**
   * What a look at a volume's metadata found.
   *
   * @param corruptions what is wrong: data may be lost or be lost by further use
   * @param leaks clusters that nothing uses
   * @param checkErrors what could not be looked at
   * @since 0.1
   */
  record Soundness(long corruptions, long leaks, long checkErrors) {
    /** Checks the numbers. */
    public Soundness {
      Rules.range("corruptions", corruptions, 0, Long.MAX_VALUE);
      Rules.range("leaks", leaks, 0, Long.MAX_VALUE);
      Rules.range("checkErrors", checkErrors, 0, Long.MAX_VALUE);
    }

    /**
     * Tells whether nothing was found.
     *
     * @return whether the metadata is sound
     */
    public boolean sound() {
      return corruptions == 0 && leaks == 0 && checkErrors == 0;
    }
  }

  /**
   * How large a file is going to be.
   *
   * @param requiredBytes for what the volume holds now
   * @param fullyAllocatedBytes once all of it is written
   * @since 0.1
   */
  record FileSize(long requiredBytes, long fullyAllocatedBytes) {}

  /**
   * A file to which a volume was written.
   *
   * @param path its absolute path
   * @param format its format
   * @param lengthBytes its length
   * @param digest {@code sha256:} and the digest of its bytes in lower-case hexadecimal
   * @param consistency what a guest finds that is started on it: EXACT unless a machine was running
   * @since 0.1
   */
  record ExportedImage(
      Path path,
      ImageFormat format,
      long lengthBytes,
      String digest,
      SnapshotConsistency consistency) {
    /**
     * Describes what was written of a volume that no machine was using.
     *
     * @param path its absolute path
     * @param format its format
     * @param lengthBytes its length
     * @param digest {@code sha256:} and the digest of its bytes in lower-case hexadecimal
     */
    public ExportedImage(Path path, ImageFormat format, long lengthBytes, String digest) {
      this(path, format, lengthBytes, digest, SnapshotConsistency.EXACT);
    }
  }
}
