package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a storage driver is told of the disks of real machines. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class BlockMonitorIT extends HostFixture {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final ResourceId other = another("web2");
  private Path volume;
  private Path base;
  private BlockMonitor blocks;

  @BeforeEach
  void start() throws Exception {
    base = directory.resolve("base.qcow2");
    volume = directory.resolve("root of, web1.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "8M");
    Host.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        base.toString(),
        volume.toString());
    blocks = driver.capability(BlockMonitor.class).orElseThrow();
    driver.apply(cx(), id, host.nano(Chipset.Q35).bootDisk("root").build());
    driver.apply(context(), other, host.nano(Chipset.Q35).build());
  }

  private StandaloneContext cx() {
    return context()
        .with(
            "volume",
            "root",
            new VolumeStatus(volume, ImageFormat.QCOW2, 8 << 20, 0, Optional.of(base)));
  }

  @Test
  void fileIsFoundInTheMachineThatHasItAsDiskOrBelowOne() {
    assertThat(blocks.use(volume, LIMIT)).isEqualTo(new BlockUse.Open(id));
    assertThat(blocks.use(base, LIMIT)).isEqualTo(new BlockUse.Open(id));
    assertThat(blocks.use(directory.resolve("none"), LIMIT)).isEqualTo(new BlockUse.Closed());

    driver.delete(context(), id);

    assertThat(blocks.use(volume, LIMIT)).isEqualTo(new BlockUse.Closed());
    assertThatThrownBy(() -> blocks.connect(id, LIMIT))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
  }

  @Test
  void machineThatDoesNotAnswerIsNotTakenForOneThatHasNothingOpen() throws Exception {
    long stopped = pid(driver, other);
    Host.run("kill", "-STOP", String.valueOf(stopped));
    try {
      assertThat(blocks.use(directory.resolve("none"), LIMIT))
          .isInstanceOfSatisfying(
              BlockUse.Unknown.class,
              unknown -> assertThat(unknown.why()).contains("web2", "is stopped by a signal"));
      assertThat(blocks.use(volume, LIMIT)).isInstanceOf(BlockUse.Open.class);
    } finally {
      Host.run("kill", "-CONT", String.valueOf(stopped));
    }
  }

  @Test
  void workIsDoneOnceWithoutAnAgentInTheGuest() {
    AtomicInteger times = new AtomicInteger();
    try (BlockSession session = blocks.connect(id, LIMIT)) {
      assertThat(session.quietly(LIMIT, times::incrementAndGet)).isFalse();
      assertThatThrownBy(() -> session.quietly(Duration.ZERO, times::incrementAndGet))
          .hasMessageContaining("limit");
    }
    assertThat(times).hasValue(1);
  }

  @Test
  void sessionRunsCommandsAndHearsEvents() {
    try (BlockSession session = blocks.connect(id, LIMIT);
        BlockEvents events = session.events(2)) {
      assertThat(session.capabilities().atLeast(7, 2)).isTrue();
      assertThat(session.capabilities().commands()).contains("blockdev-snapshot");

      session.execute("block_resize", Map.of("node-name", "disk-root", "size", 16 << 20), LIMIT);
      assertThat(session.execute("query-block", Map.of(), LIMIT)).contains("16777216");
      assertThatThrownBy(() -> session.execute("blockdev-del", Map.of("node-name", "none"), LIMIT))
          .isInstanceOf(BlockCommandException.class)
          .hasMessageContaining("none");

      session.execute("stop", Map.of(), LIMIT);
      session.execute("cont", Map.of(), LIMIT);
      session.execute("stop", Map.of(), LIMIT);
      session.execute("cont", Map.of(), LIMIT);
      await().until(() -> events.lost() >= 2);
      assertThat(events.next(LIMIT)).isPresent();
      assertThat(events.next(LIMIT)).isPresent();
    }
    assertThat(blocks.use(volume, LIMIT)).isInstanceOf(BlockUse.Open.class);
  }
}
