package io.n0stack.n0core.kvm.internal.device;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.ScriptedMonitor;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest that refuses to release its NIC: no QEMU of this host can be brought to say so. */
class RefusedUnplugTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final AtomicInteger asked = new AtomicInteger();

  @Test
  void refusalIsToldAndAskedForAgainByWhoeverComesNext() throws Exception {
    Run run = new Run(UUID.randomUUID(), directory);
    AtomicReference<ScriptedMonitor> qemu = new AtomicReference<>();
    try (ScriptedMonitor scripted = new ScriptedMonitor(run.monitor(), (command, line) -> {
      if (command.equals("device_del")) {
        asked.incrementAndGet();
        requireNonNull(qemu.get())
            .tell(
                "DEVICE_UNPLUG_GUEST_ERROR",
                "{\"device\":\"nic-eth0\",\"path\":\"/machine/peripheral/nic-eth0\"}");
      }
      return answer(command);
    })) {
      qemu.set(scripted);
      try (Monitors monitors = new Monitors();
          Monitor monitor =
              monitors.toChange("web1", run, new Limits(LIMIT, LIMIT, LIMIT, LIMIT))) {
        for (int i = 1; i <= 2; i++) {
          Unplugger unplugger = new Unplugger(
              new StandaloneContext(),
              monitor,
              run,
              new Revocation(monitor, run, List.of()),
              LIMIT);
          assertThatExceptionOfType(N0Exception.class)
              .isThrownBy(() -> unplugger.remove("nic-eth0"))
              .withMessageContaining("refuses")
              .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
          assertThat(asked.get()).isEqualTo(i);
          assertThat(new Unplugged(run).all()).isEmpty();
        }
      }
    }
  }

  private static String answer(String command) {
    return switch (command) {
      case "qom-list" -> "[{\"name\":\"nic-eth0\",\"type\":\"child<virtio-net-pci>\"}]";
      case "query-status" -> "{\"status\":\"running\",\"running\":true}";
      default -> "{}";
    };
  }
}
