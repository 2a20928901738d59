package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@link VolumeBackups#backUp} is to make.
 *
 * @param target absolute path of a file that does not exist, outside of what the driver keeps; its directory does exist
 * @param increment since when and on top of what; empty for a full backup
 * @param checkpoint the checkpoint to make at the backup's moment, a lower-case RFC 1123 label; empty for none
 * @since 0.1
 */
public record BackupRequest(
    Path target, Optional<Increment> increment, Optional<String> checkpoint) {
  /**
   * Checks paths and names.
   *
   * @throws N0Exception INVALID, naming field, value and rule
   */
  public BackupRequest {
    Rules.absolutePath("target", target);
    checkpoint.ifPresent(name -> Rules.label("checkpoint", name));
    if (checkpoint.isPresent() && checkpoint.equals(increment.map(Increment::since))) {
      throw N0Exception.invalid(
          "checkpoint", checkpoint.get(), "must be another than the one since which is copied");
    }
    if (increment.map(Increment::onto).equals(Optional.of(target))) {
      throw N0Exception.invalid(
          "target", target, "must be another file than the backup on which it lies");
    }
  }

  /**
   * Restricts a backup to what has changed.
   *
   * @param since a checkpoint of the volume, a lower-case RFC 1123 label
   * @param onto absolute path of the backup that made the checkpoint, a qcow2 file, which the increment names as its
   *     backing file. It is the caller who knows which one that is: on another, an increment of a running machine is worth
   *     nothing
   * @since 0.1
   */
  public record Increment(String since, Path onto) {
    /**
     * Checks name and path.
     *
     * @throws N0Exception INVALID, naming field, value and rule
     */
    public Increment {
      Rules.label("since", since);
      Rules.absolutePath("onto", onto);
    }
  }

  /**
   * Asks for all that a volume holds.
   *
   * @param target absolute path of a file that does not exist
   * @return the request, without a checkpoint
   */
  public static BackupRequest full(Path target) {
    return new BackupRequest(target, Optional.empty(), Optional.empty());
  }

  /**
   * Asks for what has changed.
   *
   * @param target absolute path of a file that does not exist
   * @param since a checkpoint of the volume
   * @param onto absolute path of the backup that made the checkpoint
   * @return the request, without a checkpoint of its own
   */
  public static BackupRequest increment(Path target, String since, Path onto) {
    return new BackupRequest(target, Optional.of(new Increment(since, onto)), Optional.empty());
  }

  /**
   * Lets the backup make a checkpoint, since which the next one can be taken.
   *
   * @param name its name, a lower-case RFC 1123 label
   * @return a changed copy
   */
  public BackupRequest withCheckpoint(String name) {
    return new BackupRequest(target, increment, Optional.of(name));
  }
}
