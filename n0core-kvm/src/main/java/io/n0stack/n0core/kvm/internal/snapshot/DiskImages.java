package io.n0stack.n0core.kvm.internal.snapshot;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.commandline.Json;
import io.n0stack.n0core.kvm.internal.device.WritableDisks;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The disks of a machine that is off, worked on by qemu-img, which refuses those that somebody has open. */
final class DiskImages {
  private static final Logger LOG = LoggerFactory.getLogger(DiskImages.class);
  static final String MARKED =
      "has checkpoints of backups, since which nothing would mark what is set back; remove them first";
  private static final int MESSAGE = 2000;
  private static final String KEY = "key";
  // docs/interop/qcow2.txt: bit 2 of the incompatible features, in the lowest of their eight bytes
  private static final int FEATURES_END = 80;
  private static final int DATA_ELSEWHERE = 1 << 2;

  private final ResourceId id;
  private final Map<String, VolumeStatus> volumes = new LinkedHashMap<>();

  DiskImages(Context cx, ResourceId id, MachineSpec spec) {
    this.id = id;
    spec.disks().stream().filter(WritableDisks::isWritable).forEach(disk -> {
      VolumeStatus volume = cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class);
      volumes.put(disk.volume(), volume);
    });
  }

  /**
   * Refuses disks of which no snapshot of all can be taken.
   *
   * @throws N0Exception PRECONDITION if one of them holds no snapshots, or there is none
   */
  DiskImages requireCapable() {
    volumes.forEach((name, volume) -> {
      if (volume.format() != ImageFormat.QCOW2) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id.toString(),
            "work on snapshots of " + id + ": volume \"" + name + "\" is " + volume.format()
                + ": only qcow2 holds snapshots");
      }
    });
    if (volumes.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "work on snapshots of " + id + ": it has no disk that could hold them");
    }
    return this;
  }

  /** Takes a snapshot on each disk that does not have it. */
  void take(Context cx, String tag) {
    for (VolumeStatus volume : volumes.values()) {
      if (!has(cx, volume, tag)) {
        run(cx, volume, "snapshot", "-c", tag);
      }
    }
  }

  boolean have(Context cx, String tag) {
    return !volumes.isEmpty() && volumes.values().stream().allMatch(volume -> has(cx, volume, tag));
  }

  /** Refuses if a disk must not be written to: what lies on it would be set back, too, and not as a whole. */
  void requireWritable() {
    volumes.forEach((name, volume) -> WritableDisks.require(id, name, volume));
  }

  /** Refuses if qemu-img would refuse one of them, perhaps after others were set back. */
  void requireRevertible(Context cx) {
    for (VolumeStatus volume : volumes.values()) {
      if (run(cx, volume, "info").lines().anyMatch(line -> line.strip().equals("bitmaps:"))) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id.toString(),
            "work on snapshots of " + id + ": " + volume.path() + " " + MARKED);
      }
    }
  }

  void revert(Context cx, String tag) {
    requireWritable();
    volumes.values().forEach(volume -> run(cx, volume, "snapshot", "-a", tag));
  }

  /** Deletes it from the disks that have it: others may have been plugged since. */
  void delete(Context cx, String tag) {
    for (VolumeStatus volume : volumes.values()) {
      if (has(cx, volume, tag)) {
        run(cx, volume, "snapshot", "-d", tag);
      }
    }
  }

  /** Frees what a process that died amid a snapshot has counted twice. A disk that is damaged otherwise stays as it is. */
  void mend(Context cx) {
    for (VolumeStatus volume : volumes.values()) {
      if (volume.format() == ImageFormat.QCOW2) {
        try {
          LOG.info("{}: {}", volume.path(), run(cx, volume, "check", "-r", "leaks"));
        } catch (N0Exception e) {
          if (e.code() != N0Exception.Code.UNAVAILABLE) {
            throw e;
          }
          LOG.warn("{} is not mended: {}", volume.path(), e.getMessage());
        }
      }
    }
  }

  private boolean has(Context cx, VolumeStatus volume, String tag) {
    return volume.format() == ImageFormat.QCOW2
        && run(cx, volume, "snapshot", "-l")
            .lines()
            .map(line -> line.trim().split("\\s+", -1))
            .anyMatch(columns -> columns.length > 1 && columns[1].equals(tag));
  }

  /**
   * Names an image so that qemu-img obeys nothing in its header, which the guest's QEMU has written: neither another
   * format nor other files.
   */
  private static String image(VolumeStatus volume) {
    Json image = Json.of("driver", "qcow2")
        .with("backing", null)
        .with("file", Map.of("driver", "file", "filename", volume.path().toString()));
    if (volume.encryption().isPresent()) {
      image.with("encrypt", Map.of("format", "luks", "key-secret", KEY));
    }
    return "json:" + image;
  }

  private String run(Context cx, VolumeStatus volume, String subcommand, String... options) {
    requireOneFile(volume.path());
    List<String> command = new ArrayList<>(List.of("qemu-img", subcommand));
    volume
        .encryption()
        .ifPresent(encryption -> command.addAll(List.of(
            "--object",
            Json.of("qom-type", "secret")
                .with("id", KEY)
                .with("file", encryption.keyFile().toString())
                .toString())));
    command.addAll(List.of(options));
    command.add(image(volume));
    String operation = "qemu-img " + subcommand + " of " + id;
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

  /** There is no way to tell qemu-img not to open the data file that a header names. */
  private void requireOneFile(Path file) {
    byte[] header;
    try (InputStream in = Files.newInputStream(file)) {
      header = in.readNBytes(FEATURES_END);
    } catch (IOException e) {
      throw DurableFiles.failure(id.toString(), "read the header of " + file, e);
    }
    if (header.length == FEATURES_END && (header[FEATURES_END - 1] & DATA_ELSEWHERE) != 0) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "work on snapshots of " + id + ": " + file + " must not keep its data in another file");
    }
  }
}
