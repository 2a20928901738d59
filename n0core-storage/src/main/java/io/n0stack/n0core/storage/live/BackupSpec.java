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
 * @since 0.1
 */
public record BackupSpec(
    Path target, ImageFormat format, Optional<String> since, Optional<String> checkpoint) {
  /** Checks the path and the names. */
  public BackupSpec {
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
    return new BackupSpec(target, format, Optional.empty(), Optional.empty());
  }

  /**
   * Restricts it to what has changed.
   *
   * @param name a checkpoint, a lower-case RFC 1123 label
   * @return a changed copy
   */
  public BackupSpec since(String name) {
    return new BackupSpec(target, format, Optional.of(name), checkpoint);
  }

  /**
   * Lets the backup make a checkpoint.
   *
   * @param name the checkpoint's name, a lower-case RFC 1123 label
   * @return a changed copy
   */
  public BackupSpec withCheckpoint(String name) {
    return new BackupSpec(target, format, since, Optional.of(name));
  }
}
