package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeBackups.Backup;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Backs up the disk of a machine, night after night, whether it is running or off. */
public final class BackUpMachines {
  private static final Duration LIMIT = Duration.ofHours(6);

  private final Agent agent;
  private final Path directory;

  /**
   * Makes it.
   *
   * @param agent the agent of the host
   * @param directory where backups go; it exists
   */
  public BackUpMachines(Agent agent, Path directory) {
    this.agent = agent;
    this.directory = directory;
  }

  private Path file(String volume, String name) {
    return directory.resolve(volume + "-" + name + ".qcow2");
  }

  private Backup backUp(String volume, BackupRequest request) {
    // [act]
    Agent.Action<VolumeBackups, Backup> action =
        (backups, cx, id) -> backups.backUp(cx, id, request);
    return agent.act("volume", volume, "back up", VolumeBackups.class, action).await(LIMIT);
    // [/act]
  }

  /**
   * Makes a full backup, from which others can go on.
   *
   * @param volume the volume's name
   * @param name the backup's, and that of its checkpoint
   * @return the backup
   */
  public Backup full(String volume, String name) {
    // [full]
    return backUp(volume, BackupRequest.full(file(volume, name)).withCheckpoint(name));
    // [/full]
  }

  /**
   * Makes an increment, or a full backup if the checkpoint since which it would be has been lost.
   *
   * @param volume the volume's name
   * @param name the backup's, and that of its checkpoint
   * @param before the backup before
   * @return the backup
   */
  public Backup next(String volume, String name, String before) {
    // [next]
    BackupRequest since = BackupRequest.increment(file(volume, name), before, file(volume, before))
        .withCheckpoint(name);
    try {
      Backup made = backUp(volume, since);
      remove(volume, before);
      return made;
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.NOT_FOUND && e.code() != N0Exception.Code.PRECONDITION) {
        throw e;
      }
      // QEMU was killed, or the checkpoint is below an external snapshot.
      remove(volume, before);
      return full(volume, name);
    }
    // [/next]
  }

  private void remove(String volume, String checkpoint) {
    // [remove]
    Agent.Action<VolumeBackups, Boolean> action = (backups, cx, id) -> {
      backups.removeCheckpoint(cx, id, checkpoint);
      return true;
    };
    boolean unused = agent
        .act("volume", volume, "remove checkpoint", VolumeBackups.class, action)
        .await(LIMIT);
    // [/remove]
  }

  /**
   * Lists the checkpoints of a volume.
   *
   * @param volume the volume's name
   * @return the checkpoints
   */
  public List<Checkpoint> checkpoints(String volume) {
    // [list]
    Agent.Action<VolumeBackups, List<Checkpoint>> action =
        (backups, cx, id) -> backups.checkpoints(cx, id);
    return agent
        .act("volume", volume, "list checkpoints", VolumeBackups.class, action)
        .await(LIMIT);
    // [/list]
  }
}
