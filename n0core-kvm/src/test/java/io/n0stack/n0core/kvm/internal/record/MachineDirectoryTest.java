package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineDirectoryTest {
  private static final int THREADS = 4;
  private static final int ROUNDS = 100;

  @TempDir
  Path root;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private MachineDirectory directory;

  @BeforeEach
  void create() {
    directory = new MachineDirectory(root, id.uid());
    directory.create(new MachineRecord(id, MachineSpec.builder(1, 1 << 20).build()));
  }

  @Test
  void severalLooksMayNoteThePowerOffAtOnce() throws Exception {
    ExecutorService looks = Executors.newFixedThreadPool(THREADS);
    CyclicBarrier together = new CyclicBarrier(THREADS);
    try {
      for (int round = 0; round < ROUNDS; round++) {
        Run run = directory.freshRun();
        Callable<Boolean> note = () -> {
          together.await();
          run.markOff();
          return run.off();
        };
        List<Callable<Boolean>> notes =
            IntStream.range(0, THREADS).mapToObj(i -> note).toList();
        for (Future<Boolean> noted : looks.invokeAll(notes)) {
          assertThat(noted.get()).isTrue();
        }
        assertThat(run.directory()).isDirectoryNotContaining("glob:**/.tmp-*");
      }
    } finally {
      looks.shutdownNow();
    }
  }

  @Test
  void theFirstMachinesOfAHostMayBeMadeAtOnce() throws Exception {
    ExecutorService makers = Executors.newFixedThreadPool(THREADS);
    CyclicBarrier together = new CyclicBarrier(THREADS);
    try {
      for (int round = 0; round < ROUNDS; round++) {
        Path fresh = root.resolve("host" + round).resolve("kvm");
        Callable<Boolean> maker = () -> {
          ResourceId own = ResourceId.fresh("machine", "web1");
          together.await();
          new MachineDirectory(fresh, own.uid())
              .create(new MachineRecord(own, MachineSpec.builder(1, 1 << 20).build()));
          return true;
        };
        List<Callable<Boolean>> all =
            IntStream.range(0, THREADS).mapToObj(i -> maker).toList();
        for (Future<Boolean> made : makers.invokeAll(all)) {
          assertThat(made.get()).isTrue();
        }
        assertThat(MachineDirectory.list(fresh)).hasSize(THREADS);
      }
    } finally {
      makers.shutdownNow();
    }
  }

  @Test
  void sweepingRemovesWhatWritesThatWereCutOffHaveLeftAndNothingElse() throws Exception {
    Path machine = root.resolve(id.uid().toString());
    Files.writeString(machine.resolve(".tmp-8305351978262890425"), "{\"kind\":");
    directory.recordType("pc-q35-7.2");
    directory.markStarted();
    assertThat(directory.unswept()).isTrue();

    directory.sweep();

    assertThat(directory.unswept()).isFalse();
    try (Stream<Path> left = Files.list(machine)) {
      assertThat(left.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("machine.json", "type", "started");
    }
  }

  @Test
  void aCreationThatWasCutOffIsListedAndFinished() throws Exception {
    ResourceId other = ResourceId.fresh("machine", "web2");
    MachineDirectory begun = new MachineDirectory(root, other.uid());
    Path bare = Files.createDirectory(root.resolve(".bare-" + other.uid() + ".web2"));
    Files.writeString(bare.resolve(".tmp-1"), "{");
    Path foreign = Files.createDirectory(root.resolve(".bare-" + other.uid() + ".Not-A-Name"));

    assertThat(begun.bare()).contains(other);
    assertThat(begun.read()).isEmpty();
    assertThat(MachineDirectory.list(root)).containsExactlyInAnyOrder(id, other);

    begun.create(new MachineRecord(other, MachineSpec.builder(1, 1 << 20).build()));
    assertThat(begun.read()).map(MachineRecord::id).contains(other);
    assertThat(bare).doesNotExist();
    assertThat(foreign).exists();
  }

  @Test
  void aDeletionThatWasCutOffIsListedUntilItIsDone() throws Exception {
    directory.doom();
    assertThat(MachineDirectory.list(root)).containsExactly(id);
    Files.createDirectory(root.resolve(".bare-" + id.uid() + ".web1"));

    directory.remove();

    assertThat(directory.leftovers()).isFalse();
    assertThat(root).isEmptyDirectory();
  }

  @Test
  void aFullDiskIsSaid() {
    assertThat(DurableFiles.failure(
                "web1", "write", new IOException("/m/started: No space left on device"))
            .code())
        .isEqualTo(N0Exception.Code.EXHAUSTED);
  }
}
