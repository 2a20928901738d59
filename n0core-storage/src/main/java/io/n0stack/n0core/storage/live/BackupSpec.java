package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A backup of a running volume as it is when the backup begins.
 *
 * <p>A checkpoint is a bitmap that marks what is written after the point in time of the backup that made
 * it. A backup since a checkpoint does not consume it: the same increment can be taken again.
 *
 * @param target absolute path of an image that exists and has the volume's size. For an increment, a
 *     qcow2 image on top of the backup before: only what has changed is written to it
 * @param format its format
 * @param since the checkpoint since which changes are copied; empty for everything
 * @param checkpoint the checkpoint to make at the same point in time
 * @param bytesPerSecond the rate at which the job copies, 0 for as fast as it can; what the guest is about
 *     to overwrite is copied at once all the same
 * @since 0.1
 */
public record BackupSpec(
    Path target,
    ImageFormat format,
    Optional<String> since,
    Optional<String> checkpoint,
    long bytesPerSecond) {
  /** Checks path, names and rate. */
  public BackupSpec {
    Rules.range("bytesPerSecond", bytesPerSecond, 0, Long.MAX_VALUE);
    Rules.absolutePath("target", target);
    since.ifPresent(name -> Rules.label("since", name));
    checkpoint.ifPresent(name -> Rules.label("checkpoint", name));
    if (checkpoint.isPresent() && checkpoint.equals(since)) {
      throw N0Exception.invalid(
          "checkpoint", checkpoint.get(), "must be another than the one since which is copied");
    }
  }

  /**
   * Makes a spec of a full backup.
   *
   * @param target absolute path of an image that exists
   * @param format its format
   * @return the spec, without checkpoints
   */
  public static BackupSpec full(Path target, ImageFormat format) {
    return new BackupSpec(target, format, Optional.empty(), Optional.empty(), 0);
  }

  /**
   * Restricts it to what has changed.
   *
   * @param name a checkpoint, a lower-case RFC 1123 label
   * @return a changed copy
   */
  public BackupSpec since(String name) {
    return new BackupSpec(target, format, Optional.of(name), checkpoint, bytesPerSecond);
  }

  /**
   * Lets the backup make a checkpoint.
   *
   * @param name the checkpoint's name, a lower-case RFC 1123 label
   * @return a changed copy
   */
  public BackupSpec withCheckpoint(String name) {
    return new BackupSpec(target, format, since, Optional.of(name), bytesPerSecond);
  }

  /**
   * Changes the rate.
   *
   * @param rate bytes in a second, 0 for as fast as it can
   * @return a changed copy
   */
  public BackupSpec withBytesPerSecond(long rate) {
    return new BackupSpec(target, format, since, checkpoint, rate);
  }
}
