package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.DiskTuning.Aio;
import io.n0stack.n0core.api.compute.DiskTuning.Cache;
import io.n0stack.n0core.api.compute.DiskTuning.DetectZeroes;
import io.n0stack.n0core.api.compute.DiskTuning.Discard;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** How the host does the input and output of disks. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class DiskTuningIT extends BoardFixture {

  DiskTuningIT() {
    super(Duration.ofMillis(300), 0, "a");
  }

  private MachineSpec spec(DiskModel model, DiskTuning tuning) {
    Disk disk = new Disk("a", Optional.empty(), Optional.of(model)).withTuning(tuning);
    return board.host.nano(Chipset.PC).disk(disk).build();
  }

  /** What QEMU says of the disk's cache: does a write wait, is the page cache passed by, are flushes lost. */
  private List<Boolean> cache() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      QmpResult disk = qmp.execute("query-block", Board.LIMIT).list("").stream()
          .filter(one -> one.find("/inserted").isPresent()
              && one.text("/inserted/node-name").equals("disk-a"))
          .findFirst()
          .orElseThrow();
      return List.of(
          disk.flag("/inserted/cache/writeback"),
          disk.flag("/inserted/cache/direct"),
          disk.flag("/inserted/cache/no-flush"));
    }
  }

  /** The flags of the image in QEMU's process, proc(5). */
  private boolean opensPastThePageCache() throws Exception {
    List<Boolean> direct = new ArrayList<>();
    Path process = Path.of("/proc", String.valueOf(Host.pid(driver, id)));
    String found = Host.run(
        "find", process.resolve("fd").toString(), "-lname", board.file("a").toString());
    for (String descriptor : found.lines().toList()) {
      String number = descriptor.substring(descriptor.lastIndexOf('/') + 1);
      String info = Host.run("cat", process.resolve("fdinfo").resolve(number).toString());
      String octal = info.replaceAll("(?s).*flags:\\s*(\\d+).*", "$1");
      direct.add((Long.parseLong(octal, 8) & 0x4000) != 0); // O_DIRECT
    }
    assertThat(direct).isNotEmpty();
    return direct.get(0);
  }

  /** Does something by the guest's device; QEMU says only what fails. */
  private static String said(QmpClient qmp, String work) {
    String device = "/machine/peripheral/disk-a/virtio-backend";
    return qmp.execute(
            "human-monitor-command",
            Map.of("command-line", "qemu-io -d " + device + " \"" + work + "\""),
            Board.LIMIT)
        .text("");
  }

  @ParameterizedTest
  @CsvSource({
    "NONE, true, true, false",
    "WRITEBACK, true, false, false",
    "WRITETHROUGH, false, false, false",
    "DIRECTSYNC, false, true, false",
    "UNSAFE, true, false, true"
  })
  void eachCacheIsWhatQemuHasAndTheKernel(
      Cache cache, boolean writeback, boolean direct, boolean noFlush) throws Exception {
    driver.apply(
        board.cx(), id, spec(DiskModel.VIRTIO_BLK, DiskTuning.standard().withCache(cache)));

    assertThat(cache()).containsExactly(writeback, direct, noFlush);
    assertThat(opensPastThePageCache()).isEqualTo(direct);
  }

  @ParameterizedTest
  @EnumSource
  void everyModelHasACache(DiskModel model) throws Exception {
    driver.apply(board.cx(), id, spec(model, DiskTuning.standard().withCache(Cache.WRITETHROUGH)));

    assertThat(cache()).containsExactly(false, false, false);
  }

  @Test
  void withoutTuningEverythingIsAsItWas() throws Exception {
    driver.apply(board.cx(), id, board.host.nano(Chipset.PC).disk("a").build());

    assertThat(cache()).containsExactly(true, false, false);
    assertThat(opensPastThePageCache()).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void everyWayToTheKernelReadsAndWrites(Aio aio) throws Exception {
    driver.apply(
        board.cx(),
        id,
        spec(
            DiskModel.VIRTIO_BLK,
            DiskTuning.standard()
                .withCache(Cache.NONE)
                .withAio(aio)
                .withDiscard(Discard.UNMAP)
                .withDetectZeroes(DetectZeroes.UNMAP)));

    try (QmpClient qmp = board.qmp(driver, id)) {
      for (String work : List.of("write -P 7 0 64k", "flush", "read -P 7 0 64k")) {
        assertThat(said(qmp, work)).isEmpty();
      }
      assertThat(qmp.execute("query-named-block-nodes", Map.of("flat", true), Board.LIMIT)
              .list(""))
          .anySatisfy(node -> {
            assertThat(node.text("/node-name")).isEqualTo("disk-a");
            assertThat(node.text("/detect_zeroes")).isEqualTo("unmap");
          });
    }
  }

  @Test
  void whatIsDiscardedMayBeKept() throws Exception {
    long kept = discarded(Discard.IGNORE);
    long given = discarded(Discard.UNMAP);

    assertThat(kept).isGreaterThan(given);
  }

  private long discarded(Discard discard) throws Exception {
    driver.apply(
        board.cx(), id, spec(DiskModel.VIRTIO_BLK, DiskTuning.standard().withDiscard(discard)));
    try (QmpClient qmp = board.qmp(driver, id)) {
      for (String work : List.of("write -P 7 0 4M", "discard 0 4M", "flush")) {
        assertThat(said(qmp, work)).isEmpty();
      }
    }
    driver.delete(Host.context(), id);
    return Long.parseLong(
        Host.run("stat", "-c", "%b", board.file("a").toString()).strip());
  }

  @Test
  void aRunningMachineIsTunedOnlyByARestart() throws Exception {
    MachineSpec before = spec(DiskModel.VIRTIO_BLK, DiskTuning.standard());
    MachineSpec after =
        spec(DiskModel.VIRTIO_BLK, DiskTuning.standard().withCache(Cache.DIRECTSYNC));
    driver.apply(board.cx(), id, board.host.nano(Chipset.PC).build());
    driver.apply(board.cx(), id, before);
    assertThat(driver.change("disks", before, after)).isEqualTo(Change.RESTART);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(board.cx(), id, after))
        .withMessageContaining("[disks] can be changed only by a restart");

    driver.apply(new Restarting(board.cx()), id, after);
    assertThat(cache()).containsExactly(false, true, false);
  }

  @Test
  void partsThatDoNotFitTogetherAreRefused() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> DiskTuning.standard().withAio(Aio.NATIVE))
        .withMessageContaining("disk.tuning.aio")
        .withMessageContaining("NATIVE")
        .withMessageContaining("must be with cache NONE or DIRECTSYNC");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() ->
            DiskTuning.standard().withDiscard(Discard.IGNORE).withDetectZeroes(DetectZeroes.UNMAP))
        .withMessageContaining("disk.tuning.detectZeroes");
  }
}
