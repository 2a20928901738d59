package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The file system of records, volumes and machines is full, and agents die while it is. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class FullDiskIT {
  private static final int PAGE = 4096;

  // Room for some of the intents, for most of them, and for half a volume.
  private static final List<Integer> FOR_ALL = List.of(1, 3, 28);

  // Room for nothing, for the intent, for ever more of what a launch writes, and for all of it.
  private static final List<Integer> FOR_THE_MACHINE = List.of(0, 1, 2, 3, 4, 5, 8);
  private static final Setup WEB1 = new Setup("web1", 24, PowerPolicy.MANUAL, 16);
  private static final Setup WEB2 = new Setup("web2", 24, PowerPolicy.ALWAYS_ON, 16);

  private IsolatedHost host;
  private Path data;

  @BeforeEach
  void makeHost() throws IOException {
    host = IsolatedHost.create();
    data = host.mountSmallDisk("8m");
  }

  @AfterEach
  void removeHost() throws IOException {
    host.close();
  }

  @Test
  void whatIsRefusedForWantOfRoomChangesNothing() throws IOException {
    Bystander bystander;
    Model before;
    Map<String, byte[]> records;
    try (AgentProcess agent = AgentProcess.start(host)) {
      bystander = Bystander.make(host, agent);
      agent.must("apply " + WEB1);
      before = Model.seen("web1", agent.must("settle"));
      records = records();
      fill(0);
      for (String order : List.of(
          "apply " + WEB2,
          "apply-one " + WEB1.with(PowerPolicy.ALWAYS_ON) + " machine",
          "power web1 HARD_REBOOT",
          "snapshot web1-root s1",
          "delete " + WEB1)) {
        Answer answer = agent.ask(order);
        assertThat(answer.text()).as(order).startsWith("failed EXHAUSTED");
      }
      agent.kill();
    }
    assertThat(records()).usingRecursiveComparison().isEqualTo(records);
    try (AgentProcess agent = AgentProcess.start(host)) {
      assertThat(agent.await("recovered")).contains("unknown=[] orphans=[] quarantined=[]");
      requireAsBefore(bystander, before, agent.must("settle"));
      agent.kill();
    }
    makeRoom();
    try (AgentProcess agent = AgentProcess.start(host)) {
      requireAsBefore(bystander, before, agent.must("settle"));
      agent.must("delete " + WEB1);
    }
  }

  @Test
  void whatRoomSufficedForIsKeptAndTheRestIsMadeWhenThereIsMore() throws IOException {
    Bystander bystander;
    try (AgentProcess agent = AgentProcess.start(host)) {
      bystander = Bystander.make(host, agent);
    }
    for (int pages : FOR_ALL) {
      runOutOfRoom(bystander, List.of(), pages, "apply " + WEB2);
    }
    List<String> parts = List.of(
        "apply-one " + WEB2 + " network",
        "apply-one " + WEB2 + " port",
        "apply-one " + WEB2 + " volume");
    for (int pages : FOR_THE_MACHINE) {
      runOutOfRoom(bystander, parts, pages, "apply-one " + WEB2 + " machine");
    }
  }

  /** Does some with room and the rest with little, then makes room and looks what comes of it. */
  private void runOutOfRoom(Bystander bystander, List<String> before, int pages, String order)
      throws IOException {
    try (AgentProcess agent = AgentProcess.start(host)) {
      agent.await("recovered");
      for (String one : before) {
        agent.must(one);
      }
      fill(pages);
      Answer answer = agent.ask(order);
      System.out.println(order + " with " + pages + " free pages: " + answer.text());
      assertThat(answer.done() || answer.text().startsWith("failed EXHAUSTED"))
          .as(answer.text())
          .isTrue();
      agent.kill();
    }
    bystander.requireUntouched(host);
    try (AgentProcess agent = AgentProcess.start(host)) {
      agent.await("recovered");
      bystander.requireUntouched(host, agent.must("look"));
      makeRoom();
      host.awaitStragglers();
      Answer answer = agent.must("settle");
      Residue.requireExactly(host, List.of(bystander.model(), Model.seen("web2", answer)));
      agent.must("apply " + WEB2);
      agent.must("delete " + WEB2);
      bystander.requireUntouched(host, agent.must("settle"));
      agent.finish();
    }
    Residue.requireExactly(host, List.of(bystander.model()));
  }

  private void requireAsBefore(Bystander bystander, Model before, Answer answer)
      throws IOException {
    bystander.requireUntouched(host, answer);
    assertThat(Model.seen("web1", answer)).isEqualTo(before);
    assertThat(answer.seen()).hasSize(8);
  }

  private Map<String, byte[]> records() throws IOException {
    Map<String, byte[]> bytes = new TreeMap<>();
    for (String file : host.files("data/agent/records")) {
      bytes.put(file, Files.readAllBytes(data.resolve("agent/records").resolve(file)));
    }
    return bytes;
  }

  /** Leaves so many pages of the file system free. */
  private void fill(int pages) throws IOException {
    try (FileChannel filler = FileChannel.open(
        data.resolve("filler"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      while (Files.getFileStore(data).getUnallocatedSpace() > (long) pages * PAGE) {
        int unused = filler.write(ByteBuffer.allocate(PAGE));
      }
    }
  }

  private void makeRoom() throws IOException {
    Files.delete(data.resolve("filler"));
  }
}
