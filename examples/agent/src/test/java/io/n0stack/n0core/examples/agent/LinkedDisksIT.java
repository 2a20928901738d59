package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The disk of a machine is the base of a clone: whoever comes second is refused, and nobody is disturbed. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LinkedDisksIT extends AgentFixture {
  @Override
  void deleteAll() {
    for (String machine : List.of("web1", "web2")) {
      drop("machine", machine);
    }
    for (String volume : List.of("clone", "base")) {
      drop("volume", volume);
    }
  }

  private void drop(String kind, String name) {
    try {
      agent.delete(kind, name).await(LIMIT);
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND);
    }
  }

  private MachineSpec on(String volume) {
    return MachineSpec.builder(1, 24 * MIB)
        .firmware(new Firmware.Rom(Setup.rom(home)))
        .powerPolicy(PowerPolicy.MANUAL)
        .bootDisk(volume)
        .build();
  }

  private MachineStatus machine(String name) {
    return ((Observed.Present<MachineStatus>) agent.observe("machine", name, MachineStatus.class))
        .status();
  }

  private VolumeStatus volume(String name) {
    return ((Observed.Present<VolumeStatus>) agent.observe("volume", name, VolumeStatus.class))
        .status();
  }

  private void power(PowerAction action) {
    Agent.Action<Power, Boolean> act = (power, cx, id) -> {
      power.power(cx, id, action);
      return true;
    };
    agent.act("machine", "web1", action.toString(), Power.class, act).await(LIMIT);
  }

  private void makeClone() {
    agent
        .apply(
            "volume",
            "clone",
            VolumeSpec.from(new ImageSource.Backing(volume("base").path(), ImageFormat.QCOW2)))
        .await(LIMIT);
  }

  @Test
  void whoeverComesSecondIsRefused() {
    agent.apply(Bundle.empty()
        .with("volume", "base", VolumeSpec.empty(8 * MIB))
        .with("machine", "web1", on("base")));
    MachineStatus before = machine("web1");

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(this::makeClone)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    assertThat(machine("web1").pid()).isEqualTo(before.pid());

    agent.delete("volume", "clone").await(LIMIT);
    power(PowerAction.HARD_SHUTDOWN);
    makeClone();
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> power(PowerAction.BOOT))
        .withMessageContaining("volume \"clone\" lies on it")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    assertThat(machine("web1").state()).isEqualTo(MachineState.SHUTDOWN);

    agent.apply("machine", "web2", on("clone")).await(LIMIT);
    assertThat(machine("web2").state()).isEqualTo(MachineState.RUNNING);
    agent.delete("machine", "web2").await(LIMIT);
    agent.delete("volume", "clone").await(LIMIT);
    power(PowerAction.BOOT);
    assertThat(machine("web1").state()).isEqualTo(MachineState.RUNNING);
  }
}
