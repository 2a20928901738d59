package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.List;

/**
 * A storage driver's capability: backups of volumes, full ones and increments, also while a machine is running on them.
 *
 * <p>A checkpoint marks all that is written to a volume after the moment of the backup that made it. An increment since a
 * checkpoint is a qcow2 file on top of that backup and holds what has changed; it does not use the checkpoint up.
 * Checkpoints do not depend on each other and are removed in any order. They are lost with the layer that they are in, and
 * lost or spoilt when QEMU is killed: then the next backup is a full one.
 *
 * <p>Thread-safe. While one call works on a volume, other work on it is refused as BUSY.
 *
 * @since 0.1
 */
public interface VolumeBackups {
  /**
   * Backs up a volume as it is at one moment after the call, and makes the checkpoint of that moment if one is asked for. A
   * machine that is running on it goes on; if an agent in its guest answers, the guest's file systems are frozen at that
   * moment. See {@code blockdev-backup} and {@code block-dirty-bitmap-add} in the QMP reference. An increment of a volume
   * that nobody has open is found by comparing it with the backup below.
   *
   * <p>The file has its name only when it is whole and durable; nobody but its owner can read it. Of a call that fails or is
   * cut short neither file nor checkpoint is left, after a crash or a deadline once the volume is applied or used again. So a call whose
   * outcome is not known is repeated: ALREADY_EXISTS then says that file and checkpoint were made, if nobody else makes files
   * of that name.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param request what to make
   * @return the file
   * @throws N0Exception NOT_FOUND if there is no such volume or checkpoint, or the checkpoint is in a layer below the one
   *     that is written to; ALREADY_EXISTS if there is something at the path, or a checkpoint of the name; INVALID if the
   *     backup below cannot be one; PRECONDITION if the checkpoint since which is copied is spoilt; UNSUPPORTED for an
   *     encrypted volume, and for checkpoints of a raw one; BUSY if the volume is in use by what cannot be asked, or the
   *     machine is working on the disk already; EXHAUSTED if there is no room; CANCELLED. In each case the volume and its
   *     checkpoints are as they were
   */
  Backup backUp(Context cx, ResourceId volume, BackupRequest request);

  /**
   * Lists a volume's checkpoints. Changes nothing.
   *
   * @param cx the way to a running machine
   * @param volume the volume
   * @return those of the layer that is written to, in no order
   * @throws N0Exception NOT_FOUND if there is no such volume; BUSY if it is in use by what cannot be asked; UNAVAILABLE if it
   *     cannot be read
   */
  List<Checkpoint> checkpoints(Context cx, ResourceId volume);

  /**
   * Removes a checkpoint, also a spoilt one. One that does not exist is removed.
   *
   * @param cx cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param checkpoint its name, a lower-case RFC 1123 label
   * @throws N0Exception NOT_FOUND if there is no such volume; BUSY if the checkpoint is in use, or the volume by what cannot
   *     be asked
   */
  void removeCheckpoint(Context cx, ResourceId volume, String checkpoint);

  /**
   * A file to which a volume was backed up.
   *
   * @param path its absolute path
   * @param lengthBytes its length
   * @param consistency what a guest finds that is started on what was restored: EXACT if nobody had the volume open
   * @since 0.1
   */
  record Backup(Path path, long lengthBytes, SnapshotConsistency consistency) {
    /** Checks path and length. */
    public Backup {
      Rules.absolutePath("path", path);
      Rules.range("lengthBytes", lengthBytes, 0, Long.MAX_VALUE);
    }
  }

  /**
   * A checkpoint.
   *
   * @param name its name
   * @param consistent whether an increment since it is complete; if not, it can only be removed
   * @param recording whether what is written is being marked; somebody else than the driver must have stopped it if not
   * @since 0.1
   */
  record Checkpoint(String name, boolean consistent, boolean recording) {
    /** Checks the name. */
    public Checkpoint {
      Rules.label("name", name);
    }
  }
}
