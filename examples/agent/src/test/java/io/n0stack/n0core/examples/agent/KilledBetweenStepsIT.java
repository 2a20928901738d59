package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An agent with the real drivers dies between any two steps of creating the quickstart's machine. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledBetweenStepsIT {
  private static final int MOST_POINTS = 80;

  private IsolatedHost host;

  @BeforeEach
  void makeHost() throws IOException {
    host = IsolatedHost.create();
  }

  @AfterEach
  void removeHost() throws IOException {
    host.close();
  }

  @Test
  void thereIsOneMachineOneEmulatorAndTheRightSpecWhereverItDies() throws IOException {
    Path bundle = writeBundle();
    int deaths = 0;
    for (int point = 0; point < MOST_POINTS; point++) {
      IsolatedHost.Result life = host.run(host.java(
          Victim.class, host.home().toString(), bundle.toString(), Integer.toString(point)));
      assertThat(life.output()).as("life %d", point).doesNotContain("WRONG", "Exception in thread");
      if (life.exit() == 0) {
        assertThat(life.output()).contains("completed with " + point + " points");
        break;
      }
      assertThat(life.exit()).as(life.output()).isEqualTo(137);
      assertThat(host.emulators())
          .as("emulators after death %d: %s", point, life.output())
          .hasSizeLessThan(2);
      deaths++;
    }
    assertThat(deaths).as("points at which it died").isBetween(12, MOST_POINTS - 1);
    assertThat(host.emulators()).isEmpty();
    assertThat(host.links()).isEmpty();
    assertThat(host.files("kvm")).isEmpty();
    assertThat(host.files("volumes")).containsExactly(".lock"); // the pool's
  }

  private Path writeBundle() throws IOException {
    return Files.writeString(host.home().resolve("bundle.json"), """
        {"resources": [
          {"kind": "network", "name": "lan",
           "spec": {"type": "flat", "gateway": {"addresses": ["10.77.0.1/24"], "nat": "none"}}},
          {"kind": "port", "name": "web1-eth0",
           "spec": {"network": "lan", "ownerUid": 0, "antiSpoof": "off", "isolation": "shared"}},
          {"kind": "volume", "name": "web1-root",
           "spec": {"format": "qcow2", "source": {"type": "backing", "image": "%s", "format": "qcow2"}}},
          {"kind": "machine", "name": "web1",
           "spec": {"vcpus": 1, "memoryBytes": 33554432, "disks": [{"volume": "web1-root"}],
                    "nics": [{"port": "web1-eth0"}], "firmware": {"type": "rom", "image": "%s"},
                    "chipset": "q35", "accelerator": "tcg", "display": "none", "powerPolicy": "always-on"}}
        ]}
        """.formatted(
            Setup.image(host.home()), Setup.rom(host.home())));
  }
}
