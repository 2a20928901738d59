package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How much guests may ask of their disks. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class DiskLimitsIT extends BoardFixture {
  private static final long MIB = 1 << 20;
  private static final Duration LONG = Duration.ofMinutes(2);

  DiskLimitsIT() {
    super(Duration.ofSeconds(2), 0, "a", "b");
  }

  private MachineSpec limited(DiskModel model, DiskLimits limits) {
    Disk disk = new Disk("a", Optional.empty(), Optional.of(model)).withLimits(limits);
    return board.host.nano(Chipset.PC).disk(disk).build();
  }

  private MachineSpec unlimited(DiskModel model) {
    return board.host.nano(Chipset.PC).disk("a", model).build();
  }

  private QmpResult block(QmpClient qmp) {
    return qmp.execute("query-block", Board.LIMIT).list("").stream()
        .filter(one ->
            one.find("/inserted").isPresent() && one.text("/inserted/node-name").equals("disk-a"))
        .findFirst()
        .orElseThrow();
  }

  private long limit(String name) {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return block(qmp).number("/inserted/" + name);
    }
  }

  /** Writes through the guest's device, which waits for what it is allowed. */
  private Duration written(long mebibytes) {
    try (QmpClient qmp = board.qmp(driver, id)) {
      String device = block(qmp).text("/qdev");
      String path = device.startsWith("/") ? device : "/machine/peripheral/" + device;
      long begin = System.nanoTime();
      for (int i = 0; i < mebibytes; i++) {
        String command = "qemu-io -d " + path + " \"write " + i + "M 1M\"";
        assertThat(qmp.execute("human-monitor-command", Map.of("command-line", command), LONG)
                .text(""))
            .isEmpty();
      }
      return Duration.ofNanos(System.nanoTime() - begin);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"VIRTIO_BLK", "VIRTIO_SCSI", "NVME"})
  void aDiskIsNoFasterThanItsLimitAndAgentsComeAndGo(DiskModel model) throws Exception {
    MachineSpec spec = limited(model, DiskLimits.none().withBytes(MIB));
    driver.apply(board.cx(), id, spec);
    assertThat(limit("bps")).isEqualTo(MIB);
    driver.close();
    driver = another();
    StandaloneContext again = board.cx();
    driver.apply(again, id, spec);
    assertThat(again.steps()).isEmpty();

    // A tenth of a second's worth may come at once.
    assertThat(written(4)).isGreaterThan(Duration.ofMillis(2500));

    assertThat(driver.change("disks", spec, unlimited(model))).isEqualTo(Change.LIVE);
    driver.apply(board.cx(), id, unlimited(model));
    assertThat(limit("bps")).isZero();
  }

  @Test
  void requestsAreLimitedAndEachLimitIsTheOneThatWasAskedFor() throws Exception {
    driver.apply(board.cx(), id, unlimited(DiskModel.VIRTIO_BLK));
    long pid = Host.pid(driver, id);

    driver.apply(
        board.cx(),
        id,
        limited(
            DiskModel.VIRTIO_BLK,
            new DiskLimits(
                Optional.empty(),
                Optional.of(11 * MIB),
                Optional.of(12 * MIB),
                Optional.empty(),
                Optional.of(13L),
                Optional.of(1L))));

    assertThat(List.of(
            limit("bps"),
            limit("bps_rd"),
            limit("bps_wr"),
            limit("iops"),
            limit("iops_rd"),
            limit("iops_wr")))
        .containsExactly(0L, 11 * MIB, 12 * MIB, 0L, 13L, 1L);
    assertThat(written(4)).isGreaterThan(Duration.ofMillis(2500));
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void whereverTheAgentDiesTheLimitIsInForceAfterwards() throws Exception {
    MachineSpec before =
        board.host.nano(Chipset.PC).disk("b", DiskModel.VIRTIO_SCSI).build();
    MachineSpec after =
        limited(DiskModel.VIRTIO_SCSI, DiskLimits.none().withRequests(100).withBytes(MIB, 2 * MIB));
    boolean crashed = true;
    int points = 0;
    for (; crashed; points++) {
      crashed = false;
      driver.apply(board.cx(), id, before);
      try {
        driver.apply(board.cx().crashAt(points), id, after);
      } catch (SimulatedCrash e) {
        crashed = true;
        try (QemuMachineDriver other = another()) {
          other.apply(board.cx(), id, after);
        }
      }
      assertThat(limit("iops")).isEqualTo(100);
      assertThat(limit("bps_wr")).isEqualTo(2 * MIB);
      driver.delete(Host.context(), id);
    }
    assertThat(points).isGreaterThan(4);
  }

  @Test
  void aLimitStaysWhenALiveSnapshotChangesTheDisksNode() throws Exception {
    MachineSpec spec = limited(DiskModel.VIRTIO_BLK, DiskLimits.none().withBytes(MIB));
    driver.apply(board.cx(), id, spec);
    try (QmpClient qmp = board.qmp(driver, id)) {
      qmp.execute(
          "blockdev-snapshot-sync",
          Map.of(
              "node-name",
              "disk-a",
              "snapshot-file",
              directory.resolve("overlay").toString(),
              "snapshot-node-name",
              "overlay"),
          Board.LIMIT);
      assertThat(qmp.execute("query-block", Board.LIMIT).list("")).anySatisfy(one -> {
        assertThat(one.find("/inserted")).isPresent();
        assertThat(one.text("/inserted/node-name")).isEqualTo("overlay");
        assertThat(one.number("/inserted/bps")).isEqualTo(MIB);
      });
    }
    StandaloneContext again = board.cx();
    driver.apply(again, id, spec);
    assertThat(again.steps()).isEmpty();
  }
}
