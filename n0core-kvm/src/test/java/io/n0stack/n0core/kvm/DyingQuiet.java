package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

/** A process that dies while a guest is frozen, without a chance to do anything more. */
final class DyingQuiet {
  static final int STATUS = 137;

  private DyingQuiet() {}

  public static void main(String[] arguments) {
    Host host = Host.existing(Path.of(arguments[0]));
    ResourceId id = new ResourceId("machine", "web1", UUID.fromString(arguments[1]));
    try (QemuMachineDriver driver = host.open()) {
      BlockMonitor blocks = driver.capability(BlockMonitor.class).orElseThrow();
      try (BlockSession session = blocks.connect(id, Duration.ofSeconds(30))) {
        boolean unused =
            session.quietly(Duration.ofSeconds(30), () -> Runtime.getRuntime().halt(STATUS));
      }
    }
  }
}
