package io.n0stack.n0core.kvm.internal.snapshot;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.device.WritableDisks;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The disks of a machine that is off, worked on by qemu-img, which refuses those that somebody has open. */
final class DiskImages {
  static final String MARKED =
      "has checkpoints of backups, since which nothing would mark what is set back; remove them first";
  private static final int MESSAGE = 2000;

  private final ResourceId id;
  private final List<Path> files = new ArrayList<>();
  private final Map<String, VolumeStatus> volumes = new LinkedHashMap<>();

  DiskImages(Context cx, ResourceId id, MachineSpec spec) {
    this.id = id;
    for (MachineSpec.Disk disk : spec.disks()) {
      if (disk.model().filter(model -> model == MachineSpec.DiskModel.CDROM).isPresent()) {
        continue;
      }
      VolumeStatus volume = cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class);
      if (volume.format() != ImageFormat.QCOW2) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id.toString(),
            "work on snapshots of " + id + ": volume \"" + disk.volume() + "\" is "
                + volume.format() + ": only qcow2 holds snapshots");
      }
      files.add(volume.path());
      volumes.put(disk.volume(), volume);
    }
    if (files.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "work on snapshots of " + id + ": it has no disk that could hold them");
    }
  }

  /** Takes a snapshot on each disk that does not have it. */
  void take(Context cx, String tag) {
    for (Path file : files) {
      if (!has(cx, file, tag)) {
        run(cx, "-c", tag, file);
      }
    }
  }

  boolean have(Context cx, String tag) {
    return files.stream().allMatch(file -> has(cx, file, tag));
  }

  /** Refuses if a disk must not be written to: what lies on it would be set back, too, and not as a whole. */
  void requireWritable() {
    volumes.forEach((name, volume) -> WritableDisks.require(id, name, volume));
  }

  /** Refuses if qemu-img would refuse one of them, perhaps after others were set back. */
  void requireRevertible(Context cx) {
    for (Path file : files) {
      if (run(cx, List.of("info", "-f", "qcow2", file.toString()))
          .lines()
          .anyMatch(line -> line.strip().equals("bitmaps:"))) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id.toString(),
            "work on snapshots of " + id + ": " + file + " " + MARKED);
      }
    }
  }

  void revert(Context cx, String tag) {
    requireWritable();
    files.forEach(file -> run(cx, "-a", tag, file));
  }

  void delete(Context cx, String tag) {
    for (Path file : files) {
      if (has(cx, file, tag)) {
        run(cx, "-d", tag, file);
      }
    }
  }

  private boolean has(Context cx, Path file, String tag) {
    return run(cx, List.of("snapshot", "-l", file.toString()))
        .lines()
        .map(line -> line.trim().split("\\s+", -1))
        .anyMatch(columns -> columns.length > 1 && columns[1].equals(tag));
  }

  private void run(Context cx, String option, String tag, Path file) {
    run(cx, List.of("snapshot", option, tag, file.toString()));
  }

  private String run(Context cx, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(arguments);
    String operation = "qemu-img " + arguments.get(0) + " of " + id;
    Process process = null;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      // It says little, so that its pipe does not fill.
      if (!process.waitFor(cx.remaining().toMillis(), TimeUnit.MILLISECONDS)) {
        throw new OperationTimeoutException(operation, cx.remaining());
      }
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.exitValue() != 0) {
        throw new N0Exception(
            said.contains("lock") ? N0Exception.Code.BUSY : N0Exception.Code.UNAVAILABLE,
            id.toString(),
            operation + ": " + said.substring(0, Math.min(said.length(), MESSAGE)));
      }
      return said;
    } catch (IOException e) {
      throw DurableFiles.failure(id.toString(), operation, e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      if (process != null) {
        process.destroyForcibly();
      }
    }
  }
}
