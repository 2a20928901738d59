package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Agents die when they have forked QEMU and it has not come as far as its lock. A script in QEMU's
 * place makes that moment as long as a test needs it.
 */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LateQemuIT {
  private static final int ROUNDS = 4;
  private static final Setup FIRST = new Setup("web1", 24, PowerPolicy.ALWAYS_ON, 16);

  private IsolatedHost host;
  private Path script;
  private Path gate;

  @BeforeEach
  void makeHost() throws IOException {
    host = IsolatedHost.create();
    script = host.home().resolve("late-qemu");
    gate = host.home().resolve("gate");
    // The file "gate" names another one; as long as that one exists, QEMU is late.
    Files.writeString(script, """
        #!/bin/sh
        if mine=$(cat %s 2>/dev/null); then
          : > "$mine.holds"
          while [ -e "$mine" ]; do sleep 0.02; done
        fi
        exec qemu-system-x86_64 "$@"
        """.formatted(gate));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @AfterEach
  void removeHost() throws IOException {
    host.close();
  }

  @Test
  void aQemuForkedByAnAgentThatDiedNeverRunsBesideItsSuccessor() throws IOException {
    Bystander bystander = bystander();
    List<Path> held = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      held.add(dieAfterFork("apply " + FIRST, round));
    }
    try (AgentProcess agent = start()) {
      Model settled = settled(agent);
      assertThat(settled.setup()).isEqualTo(FIRST);
      release(held);
      requireOnly(agent, settled, bystander);
    }
  }

  @Test
  void aQemuOfAnOlderSpecNeverWins() throws IOException {
    Bystander bystander = bystander();
    for (int round = 0; round < ROUNDS; round++) {
      Setup older = new Setup("web1", 24 + 16 * round, PowerPolicy.ALWAYS_ON, 16);
      Setup newer = new Setup("web1", 32 + 16 * round, PowerPolicy.ALWAYS_ON, 16);
      Path held = dieAfterFork("apply " + older, round);
      try (AgentProcess agent = start()) {
        agent.must("delete " + older);
        agent.must("apply " + newer);
        Model settled = settled(agent);
        assertThat(settled.setup()).isEqualTo(newer);
        release(List.of(held));
        requireOnly(agent, settled, bystander);
        agent.must("delete " + newer);
      }
    }
  }

  @Test
  void aQemuThatComesLateAfterAShutdownDoesNotTurnTheMachineOn() throws IOException {
    Bystander bystander = bystander();
    Path held = dieAfterFork("apply " + FIRST.with(PowerPolicy.MANUAL), 0);
    try (AgentProcess agent = start()) {
      assertThat(settled(agent).state()).isEqualTo(Model.RUNNING);
      agent.must("power web1 HARD_SHUTDOWN");
      Model off = settled(agent);
      assertThat(List.of(off.state(), off.pid())).containsExactly(Model.SHUTDOWN, "-");
      release(List.of(held));
      requireOnly(agent, off, bystander);
    }
  }

  @Test
  void aQemuThatComesLateAfterADeletionFindsNothing() throws IOException {
    Bystander bystander = bystander();
    Path held = dieAfterFork("apply " + FIRST, 0);
    try (AgentProcess agent = start()) {
      agent.must("delete " + FIRST);
      release(List.of(held));
      requireOnly(agent, Model.nothing("web1"), bystander);
    }
  }

  @Test
  void aQemuThatIsLetGoDuringRecoveryIsOneAtMost() throws IOException {
    Bystander bystander = bystander();
    for (int round = 0; round < ROUNDS; round++) {
      Path held = dieAfterFork("apply " + FIRST, round);
      try (AgentProcess agent = start()) {
        agent.await("opening");
        release(List.of(held));
        agent.await("recovered");
        host.awaitStragglers();
        requireOnly(agent, settled(agent), bystander);
        agent.must("delete " + FIRST);
      }
    }
  }

  private AgentProcess start() throws IOException {
    return AgentProcess.start(host, "kvm.qemu=" + script);
  }

  private Bystander bystander() throws IOException {
    try (AgentProcess agent = start()) {
      return Bystander.make(host, agent);
    }
  }

  /** Returns the file that keeps the forked QEMU from going on. */
  private Path dieAfterFork(String order, int round) throws IOException {
    Path mine = Files.createFile(host.home().resolve("gate-" + round));
    Files.writeString(gate, mine.toString());
    try (AgentProcess agent = start()) {
      // If the predecessor's intent is on disk, recovery is late already and the order is not read.
      int unused = agent.order("web1", order);
      IsolatedHost.soon("a late QEMU").until(() -> Files.exists(Path.of(mine + ".holds")));
      agent.kill();
    }
    Files.delete(gate);
    assertThat(late()).isNotEmpty();
    assertThat(host.emulators("web1")).isEmpty();
    return mine;
  }

  private List<IsolatedHost.Running> late() {
    return host.processes().stream()
        .filter(process -> process.commandLine().contains(script.toString()) && process.runs("sh"))
        .toList();
  }

  /** Lets late QEMUs go on and waits until they have, as QEMU, found out how things are. */
  private void release(List<Path> held) throws IOException {
    for (Path one : held) {
      Files.delete(one);
    }
    IsolatedHost.soon("QEMU in the script's place").until(() -> late().isEmpty());
  }

  private static Model settled(AgentProcess agent) throws IOException {
    return Model.seen("web1", agent.must("settle"));
  }

  /** Checks that the machine that was there before is still the one, and that it is the only one. */
  private void requireOnly(AgentProcess agent, Model expected, Bystander bystander)
      throws IOException {
    Residue.requireExactly(host, List.of(bystander.model(), expected));
    AgentProcess.Answer answer = agent.must("settle");
    assertThat(Model.seen("web1", answer)).isEqualTo(expected);
    bystander.requireUntouched(host, answer);
  }
}
