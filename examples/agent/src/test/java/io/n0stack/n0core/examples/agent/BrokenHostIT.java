package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Agents are killed, and what they find when they come back is not as it was left. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class BrokenHostIT {
  private static final Setup WEB1 = new Setup("web1", 24, PowerPolicy.ALWAYS_ON, 16);
  private static final Setup WEB2 = new Setup("web2", 24, PowerPolicy.ALWAYS_ON, 16);
  // A fresh JVM on a busy machine needs some of it even for a monitor that answers.
  private static final String QUICK = "kvm.monitor-timeout=10";

  private IsolatedHost host;
  private Bystander bystander;
  private Model web1;

  @BeforeEach
  void makeHostWithTwoMachines() throws IOException {
    host = IsolatedHost.create();
    try (AgentProcess agent = AgentProcess.start(host)) {
      bystander = Bystander.make(host, agent);
      agent.must("apply " + WEB1);
      web1 = Model.seen("web1", agent.must("settle"));
    }
  }

  @AfterEach
  void removeHost() throws IOException {
    host.close();
  }

  @Test
  void aStoppedQemuIsUnknownAndLeftAloneWhileOthersGoOn() throws IOException {
    String pid = web1.pid();
    signal("STOP", pid);
    try (AgentProcess agent = AgentProcess.start(host, QUICK)) {
      assertThat(agent.await("recovered")).contains("unknown=[machine \"web1\"]");
      agent.must("apply " + WEB2);
      agent.must("power web2 REBOOT");
      agent.must("delete " + WEB2);
      AgentProcess.Seen seen = agent.must("look").of("machine/web1");
      assertThat(List.of(seen.phase(), seen.how())).containsExactly("READY", "UNKNOWN");
      agent.kill();
    }
    try (AgentProcess agent = AgentProcess.start(host, QUICK)) {
      assertThat(agent.await("recovered")).contains("unknown=[machine \"web1\"]");
      assertThat(IsolatedHost.state(Long.parseLong(pid))).isEqualTo("T");
      assertThat(host.emulators("web1")).hasSize(1);

      signal("CONT", pid);

      requireAllAsBefore(agent.must("settle"));
    }
  }

  @Test
  void aDamagedRecordIsPutAsideAndItsMachineIsAdoptedAsItRuns() throws IOException {
    Path record = host.home().resolve("data/agent/records/resource.machine.web1");
    byte[] sound = Files.readAllBytes(record);
    byte[] flipped = sound.clone();
    flipped[sound.length / 2] ^= 1;
    List<byte[]> damages =
        List.of(new byte[0], Arrays.copyOf(sound, sound.length / 2), flipped, new byte[4096]);
    for (int round = 0; round < damages.size(); round++) {
      Files.write(record, damages.get(round));
      try (AgentProcess agent = AgentProcess.start(host)) {
        String recovered = agent.await("recovered");
        assertThat(recovered)
            .contains("unknown=[] orphans=[machine \"web1\"")
            .doesNotContain("quarantined=[]");
        agent.kill();
      }
      assertThat(host.files("data/agent/quarantine")).hasSize(round + 1);
      try (AgentProcess agent = AgentProcess.start(host)) {
        assertThat(agent.await("recovered")).contains("orphans=[machine \"web1\"");
        assertThat(agent.must("look").of("orphan/machine/web1").uid())
            .isEqualTo(web1.uids().get("machine"));
        bystander.requireUntouched(host);
        agent.must("adopt " + WEB1);
        requireAllAsBefore(agent.must("settle"));
      }
    }
  }

  @Test
  void aRemovedTapIsMadeAgainAndPluggedInAtTheNextReboot() throws IOException {
    int first = tap();
    int second;
    try (AgentProcess agent = AgentProcess.start(host)) {
      agent.await("recovered");
      host.ip("link", "delete", WEB1.port());
      second = awaitOther(first);
      requireAllAsBefore(agent.must("settle"));
      agent.kill();
    }
    host.ip("link", "delete", WEB1.port());
    try (AgentProcess agent = AgentProcess.start(host)) {
      agent.await("recovered");
      int third = awaitOther(second);
      requireAllAsBefore(agent.must("settle"));

      agent.must("power web1 REBOOT");

      IsolatedHost.soon("the new tap in use")
          .until(() -> host.ip("-o", "link", "show", WEB1.port()).contains("LOWER_UP"));
      Answer settled = agent.must("settle");
      assertThat(Model.seen("web1", settled).state()).isEqualTo(Model.RUNNING);
      assertThat(tap()).as("made once and not again").isEqualTo(third);
      bystander.requireUntouched(host, settled);
    }
  }

  private int awaitOther(int index) throws IOException {
    IsolatedHost.soon("a new tap").until(() -> tap() != index && tap() != 0);
    return tap();
  }

  /** Returns the index of the machine's tap, 0 if there is none. */
  private int tap() throws IOException {
    return host.links().getOrDefault(WEB1.port(), 0);
  }

  private void requireAllAsBefore(Answer answer) throws IOException {
    assertThat(Model.seen("web1", answer)).isEqualTo(web1);
    bystander.requireUntouched(host, answer);
    assertThat(host.emulators()).hasSize(2);
  }

  private void signal(String signal, String pid) throws IOException {
    host.must("kill", "-" + signal, pid);
  }
}
