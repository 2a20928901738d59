package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.DiskTuning.Aio;
import io.n0stack.n0core.api.compute.DiskTuning.Cache;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.driver.Reference;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TunedSpecTest {
  private static final String SPEC = """
      {"vcpus": 2, "memoryBytes": 268435456, "firmware": {"type": "bios"}, "chipset": "q35",
       "accelerator": "tcg", "display": "none", "powerPolicy": "manual",
       "disks": [{"volume": "root"%s}], "nics": [{"port": "eth0"%s}],
       "hardware": {"memory": {%s}%s}}
      """;

  private final JsonCodec codec = new JsonCodec();

  @Test
  void whatIsSetComesBackAsItWent() {
    Disk disk = new Disk("root", Optional.empty(), Optional.empty())
        .withLimits(DiskLimits.none().withBytes(1 << 20).withRequests(5, 6))
        .withTuning(DiskTuning.standard().withCache(Cache.NONE).withAio(Aio.IO_URING));
    MachineSpec spec = MachineSpec.builder(2, 256 << 20)
        .disk(disk)
        .nic(new Nic("eth0").withQueues(2))
        .hardware(Hardware.standard()
            .withMemory(Memory.standard().withTargetBytes(128 << 20))
            .withCdroms(List.of(Cdrom.of("one", "iso"), Cdrom.empty("two"))))
        .build();

    assertThat(codec.parse(MachineSpec.class, codec.encode(MachineSpec.class, spec)))
        .isEqualTo(spec);
    assertThat(spec.dependencies())
        .contains(new Reference("volume", "root"), new Reference("volume", "iso"));
  }

  @Test
  void whatIsNotSetMayBeLeftOut() {
    MachineSpec spec = codec.parse(MachineSpec.class, SPEC.formatted("", "", "", ""));

    assertThat(spec.disks()).containsExactly(new Disk("root", Optional.empty(), Optional.empty()));
    assertThat(spec.nics()).containsExactly(new Nic("eth0"));
    assertThat(spec.hardware()).contains(Hardware.standard().withMemory(Memory.standard()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`, \"limits\": {\"bytesPerSecond\": 1}`|``|``|``|disk.limits.bytesPerSecond",
        "`, \"limits\": {\"readsPerSecond\": 0}`|``|``|``|disk.limits.readsPerSecond",
        "`, \"limits\": {\"requestsPerSecond\": 9, \"writesPerSecond\": 9}`|``|``|``"
            + "|disk.limits.requestsPerSecond",
        "`, \"tuning\": {\"aio\": \"native\"}`|``|``|``|disk.tuning.aio",
        "``|`, \"queues\": 17`|``|``|nic.queues",
        "``|`, \"queues\": 3`|``|``|nic.queues",
        "``|``|`\"targetBytes\": 268435457`|``|hardware.memory.targetBytes",
        "``|``|`\"targetBytes\": 536870912`|``|hardware.memory.targetBytes",
        "``|``|``|`, \"cdroms\": [{\"name\": \"a\"}, {\"name\": \"a\"}]`|hardware.cdroms",
        "``|``|``|`, \"cdroms\": [{\"name\": \"a\", \"volume\": \"root\"}]`|disks"
      })
  void whatBreaksARuleIsRefusedByItsField(
      String disk, String nic, String memory, String rest, String field) {
    String text = SPEC.formatted(disk, nic, memory, rest);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> codec.parse(MachineSpec.class, text))
        .withMessageContaining(field)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }
}
