package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.live.BrokenMonitor.Break;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Breaks the line, or kills the process, at each command of each operation, and goes on. */
@Requires(Requirement.QEMU)
class BrokenLineIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int BLOCKS = 16;
  private static final int MOST_COMMANDS = 200;
  private static final List<String> FILES =
      List.of("root.qcow2", "overlay.qcow2", "second.qcow2", "copy.qcow2", "increment.qcow2");

  @TempDir
  static Path templates;

  @TempDir
  Path directory;

  @BeforeAll
  static void makeTemplates() throws IOException {
    long size = (long) BLOCKS * Guest.BLOCK;
    Path root = Pictures.qcow2(templates.resolve("root.qcow2"), BLOCKS);
    Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 512k", root.toString()));
    relative("overlay.qcow2", "root.qcow2", size);
    relative("second.qcow2", "overlay.qcow2", size);
    Pictures.qcow2(templates.resolve("copy.qcow2"), BLOCKS);
    relative("increment.qcow2", "copy.qcow2", size);
  }

  private static void relative(String name, String base, long size) {
    Images.qemuImg(
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-b",
        base,
        "-F",
        "qcow2",
        templates.resolve(name),
        size);
  }

  /** What a volume is to be put through. */
  enum Operation {
    RESIZE(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume.resize(2L * BLOCKS * Guest.BLOCK);
      }
    },
    SNAPSHOT(List.of("overlay.qcow2", "root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume.snapshot(at.resolve("overlay.qcow2"));
      }
    },
    COMMIT_ACTIVE(List.of("root.qcow2")) {
      @Override
      int snapshots() {
        return 2;
      }

      @Override
      void run(LiveVolume volume, Path at) {
        volume
            .commit(at.resolve("second.qcow2"), at.resolve("root.qcow2"))
            .complete(Waiting.longEnough());
      }
    },
    COMMIT_BELOW(List.of("second.qcow2", "root.qcow2")) {
      @Override
      int snapshots() {
        return 2;
      }

      @Override
      void run(LiveVolume volume, Path at) {
        volume
            .commit(at.resolve("overlay.qcow2"), at.resolve("root.qcow2"))
            .complete(Waiting.longEnough());
      }
    },
    FLATTEN(List.of("second.qcow2")) {
      @Override
      int snapshots() {
        return 2;
      }

      @Override
      void run(LiveVolume volume, Path at) {
        volume.flatten().complete(Waiting.longEnough());
      }
    },
    MIRROR(List.of("copy.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume
            .mirror(MirrorSpec.of(at.resolve("copy.qcow2"), ImageFormat.QCOW2))
            .complete(Waiting.longEnough());
      }
    },
    COPY(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        LiveJob job = volume.mirror(MirrorSpec.of(at.resolve("copy.qcow2"), ImageFormat.QCOW2));
        job.detach(Waiting.longEnough());
      }
    },
    CANCELLED(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume
            .mirror(MirrorSpec.of(at.resolve("copy.qcow2"), ImageFormat.QCOW2))
            .cancel(LIMIT);
      }
    },
    BACKUP(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume
            .backup(
                BackupSpec.full(at.resolve("copy.qcow2"), ImageFormat.QCOW2).withCheckpoint("one"))
            .complete(Waiting.longEnough());
      }
    },
    INCREMENT(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        volume.bitmaps().add("one");
        volume
            .backup(BackupSpec.full(at.resolve("increment.qcow2"), ImageFormat.QCOW2)
                .since("one")
                .withCheckpoint("two"))
            .complete(Waiting.longEnough());
        volume.bitmaps().remove("one");
        volume.bitmaps().add("one");
      }
    },
    EXPORT(List.of("root.qcow2")) {
      @Override
      void run(LiveVolume volume, Path at) {
        // The daemon's server was started by someone else, in the directory above.
        LiveExport export = volume.export(ExportSpec.readOnly(
            at.resolve("..").normalize(), at.getFileName().toString().replace('_', '-')));
        export.remove();
      }
    };

    private final String layers;

    Operation(List<String> layers) {
      this.layers = String.join(" ", layers);
    }

    List<String> layers() {
      return List.of(layers.split(" ", -1));
    }

    int snapshots() {
      return 0;
    }

    abstract void run(LiveVolume volume, Path at);
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void whereverTheLineBreaksOrTheProcessDiesTheOperationIsFinished(Operation operation)
      throws Exception {
    int broken = 0;
    try (QemuHost host = QemuHost.daemon(directory)) {
      int skip = 100 / Repetition.of(100);
      for (Break how : Break.values()) {
        int command = 1;
        while (command < MOST_COMMANDS && attempt(host, operation, how, command)) {
          // The first two always, however few are asked for: else an operation of few commands
          // breaks once.
          command += command == 1 ? 1 : skip;
          broken++;
        }
        assertThat(command).as("%s ends", how).isLessThan(MOST_COMMANDS);
      }
    }
    assertThat(broken).isGreaterThan(Break.values().length);
  }

  /** Returns whether the line broke. */
  private boolean attempt(QemuHost host, Operation operation, Break how, int command)
      throws IOException {
    String name = "v-" + how.name().toLowerCase(Locale.ROOT) + "-" + command;
    Path at = Files.createDirectory(directory.resolve(name));
    for (String file : FILES) {
      Files.copy(templates.resolve(file), at.resolve(file));
    }
    ResourceId id = ResourceId.fresh("volume", "root");
    prepare(host, operation, id, name, at);
    BrokenMonitor monitor = new BrokenMonitor(host, how, command);
    LiveVolume volume = LiveVolume.open(monitor, id, at.resolve("root.qcow2"), LIMIT);
    if (how.dies()) {
      boolean died = dies(() -> operation.run(volume, at));
      volume.close();
      if (died) {
        resume(host, operation, id, at);
      }
    } else {
      operation.run(volume, at);
      volume.close();
    }
    assertEnd(host, operation, id, at, how + " at " + command);
    return monitor.hasBroken();
  }

  private static boolean dies(Runnable work) {
    try {
      work.run();
      return false;
    } catch (BrokenMonitor.Death e) {
      return true;
    }
  }

  private static void prepare(
      QemuHost host, Operation operation, ResourceId id, String name, Path at) {
    host.add(name, at.resolve("root.qcow2"), "qcow2");
    // A client of NBD would keep the size.
    Map<String, ?> device = operation == Operation.RESIZE
        ? Map.of(
            "type",
            "vhost-user-blk",
            "id",
            name,
            "node-name",
            name,
            "addr",
            Map.of("type", "unix", "path", at.resolve("vhost.sock").toString()))
        : Map.of("type", "nbd", "id", name, "node-name", name, "name", "dev-" + name);
    host.run("block-export-add", device);
    try (LiveVolume volume = LiveVolume.open(host, id, at.resolve("root.qcow2"), LIMIT)) {
      for (String overlay : FILES.subList(1, 1 + operation.snapshots())) {
        volume.snapshot(at.resolve(overlay));
      }
    }
  }

  /** Does what an agent does that starts anew: settles what it finds, and asks for the same again. */
  private static void resume(QemuHost host, Operation operation, ResourceId id, Path at) {
    try (LiveVolume volume = reopen(host, id, at)) {
      for (LiveJob job : volume.jobs()) {
        if (operation == Operation.CANCELLED) {
          job.cancel(LIMIT);
        } else if (operation == Operation.COPY) {
          job.detach(Waiting.longEnough());
        } else {
          job.complete(Waiting.longEnough());
        }
      }
      operation.run(volume, at);
      for (String file : FILES.subList(0, operation.snapshots())) {
        if (!operation.layers().contains(file)) {
          volume.release(at.resolve(file)); // as before deleting it
        }
      }
    }
  }

  /** Opens it by the file that a device uses now, whichever that is. */
  private static LiveVolume reopen(BlockMonitor monitor, ResourceId id, Path at) {
    for (String file : List.of("overlay.qcow2", "second.qcow2", "root.qcow2")) {
      try {
        return LiveVolume.open(monitor, id, at.resolve(file), LIMIT);
      } catch (N0Exception e) {
        assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION);
      }
    }
    return LiveVolume.open(monitor, id, at.resolve("copy.qcow2"), LIMIT);
  }

  private static void assertEnd(
      QemuHost host, Operation operation, ResourceId id, Path at, String when) throws IOException {
    Path active = at.resolve(operation.layers().get(0));
    try (LiveVolume volume = LiveVolume.open(host, id, active, LIMIT)) {
      assertThat(volume.jobs()).as(when).isEmpty();
      assertThat(volume.layers())
          .as(when)
          .extracting(layer -> at.relativize(layer.file().orElseThrow()).toString())
          .containsExactlyElementsOf(operation.layers());
      assertThat(volume.nodes())
          .as("%s: nothing else is open", when)
          .filteredOn(node -> node.file().orElseThrow().startsWith(at))
          .hasSize(operation.layers().size());
      assertBitmaps(operation, volume, when);
    }
    if (operation == Operation.MIRROR
        || operation == Operation.COPY
        || operation == Operation.BACKUP) {
      assertThat(Pictures.patterns(at.resolve("copy.qcow2"), "qcow2"))
          .as(when)
          .isEqualTo(new int[] {7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0});
    }
  }

  private static void assertBitmaps(Operation operation, LiveVolume volume, String when) {
    List<String> names =
        volume.bitmaps().bitmaps().stream().map(LiveBitmap::name).sorted().toList();
    assertThat(names)
        .as(when)
        .isEqualTo(
            switch (operation) {
              case BACKUP -> List.of("one");
              case INCREMENT -> List.of("one", "two");
              default -> List.of();
            });
    if (operation == Operation.RESIZE) {
      assertThat(volume.layers().get(0).sizeBytes()).isEqualTo(2L * BLOCKS * Guest.BLOCK);
    }
  }
}
