package io.n0stack.n0core.kvm.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Freezer;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A driver that has a guest frozen, with the patience that it was given. */
class FreezerTest {
  // Less than what is waited by default, and much more than what is waited here.
  private static final Duration LIMIT = Duration.ofSeconds(15);
  private static final Duration SHORT = Duration.ofMillis(100);

  private static final int MANY = 1000;

  @TempDir
  Path directory;

  @Test
  void aFreezeThatIsNotAnsweredInTimeIsGivenUpAndTheGuestThawed() throws Exception {
    ResourceId id = ResourceId.fresh("machine", "web1");
    SnapshotRecords records = new MachineDirectory(directory, id.uid()).snapshots();
    Run run = new Run(id.uid(), Files.createDirectories(directory.resolve("run.00000001")));
    Files.createDirectory(directory.resolve(id.uid().toString()));
    Freezer freezer = new Freezer(new GuestAgents(LIMIT, SHORT));
    try (FakeAgent fake = new FakeAgent(run.guestAgent(), (peer, command, arguments) -> {
      boolean answered = peer.sync(command, arguments);
      if (!answered && !command.equals("guest-fsfreeze-freeze")) {
        peer.answer("1");
      }
    })) {
      CompletableFuture<Boolean> frozen =
          CompletableFuture.supplyAsync(() -> freezer.freeze(id, run, records));

      assertThat(frozen).succeedsWithin(LIMIT).isEqualTo(false);
      assertThat(fake.commands()).contains("guest-fsfreeze-freeze");
    }
    assertThat(records.frozen()).isFalse(); // its QEMU is not there, so neither is what was frozen
  }

  @Test
  void aGuestThatIsBeingFrozenHoldsUpNoOther() {
    boolean unused = Freezer.alone(ResourceId.fresh("machine", "web1"), () -> {
      CompletableFuture<Integer> others = CompletableFuture.supplyAsync(() -> {
        int done = 0;
        for (int i = 0; i < MANY; i++) {
          done += Freezer.alone(ResourceId.fresh("machine", "db" + i), () -> 1);
        }
        return done;
      });
      assertThat(others).succeedsWithin(LIMIT).isEqualTo(MANY);
      return true;
    });
  }
}
