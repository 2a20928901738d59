package io.n0stack.n0core.kvm.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
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
}
