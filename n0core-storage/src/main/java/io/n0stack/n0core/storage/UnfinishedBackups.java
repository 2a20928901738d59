package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.store.SmallFiles;
import io.n0stack.n0core.storage.VolumePool.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Notes which backup of a volume is being made, and undoes what it left that was cut short. */
final class UnfinishedBackups {
  private static final Logger LOG = LoggerFactory.getLogger(UnfinishedBackups.class);

  private final VolumePool pool;
  private final Checkpoints checkpoints;

  UnfinishedBackups(VolumePool pool, Checkpoints checkpoints) {
    this.pool = pool;
    this.checkpoints = checkpoints;
  }

  private Path file(VolumeRecord record) {
    return pool.path(Stage.READY, record.id()).resolve("backup.json");
  }

  boolean isNoted(VolumeRecord record) {
    return VolumePool.look(file(record)).isPresent();
  }

  /** Returns the note; empty if there is none or it cannot be understood, which then tells of nothing. */
  Optional<BackupNote> note(VolumeRecord record) {
    Path file = file(record);
    if (!isNoted(record)) {
      return Optional.empty();
    }
    byte[] bytes = FileFailures.translated("read", file, () -> Files.readAllBytes(file));
    try {
      return Optional.of(BackupNote.decode(bytes));
    } catch (IOException e) {
      LOG.warn("{}: what it says of a backup is lost: {}", file, e.getMessage());
      return Optional.empty();
    }
  }

  void write(VolumeRecord record, BackupNote note) {
    Path file = file(record);
    FileFailures.translate("write", file, () -> {
      try {
        SmallFiles.replace(file, note.encode());
      } catch (SmallFiles.NotWrittenException e) {
        throw e.reason(); // which tells a full file system from others
      }
    });
  }

  /** Removes the checkpoint of a backup that did not get its name. Its copy is forgotten before. */
  void settle(Context cx, VolumeRecord record) {
    Optional<BackupNote> note = note(record);
    if (note.isPresent() && !note.get().isDone()) {
      note.get().checkpoint().ifPresent(name -> checkpoints.remove(cx, record, name));
      LOG.info("backup of {} to {} is undone", record.id(), note.get().target());
    }
    forget(record);
  }

  void forget(VolumeRecord record) {
    Path file = file(record);
    FileFailures.translate("unlink", file, () -> SmallFiles.delete(file));
  }
}
