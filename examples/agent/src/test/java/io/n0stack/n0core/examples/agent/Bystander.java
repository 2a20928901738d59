package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A machine that nobody has anything to do with after it was made.
 *
 * @param model what the agent says of it
 * @param pid its emulator
 * @param started when that was started
 * @param links the indexes of its bridge and its tap
 * @param disk the inode of its disk
 */
record Bystander(Model model, long pid, String started, Map<String, Integer> links, Object disk) {
  static final Setup SETUP = new Setup("by1", 24, PowerPolicy.RESTART_ON_FAILURE, 16);

  /** Has an agent make it and remembers what must stay so. */
  static Bystander make(IsolatedHost host, AgentProcess agent) throws IOException {
    agent.must("apply " + SETUP);
    Model model = Model.seen(SETUP.name(), agent.must("settle"));
    long pid = Long.parseLong(model.pid());
    return new Bystander(model, pid, IsolatedHost.startTime(pid), links(host), disk(host, model));
  }

  private static Map<String, Integer> links(IsolatedHost host) throws IOException {
    Map<String, Integer> links = host.links();
    links.keySet().retainAll(List.of(SETUP.network(), SETUP.port()));
    return links;
  }

  private static Object disk(IsolatedHost host, Model model) throws IOException {
    Path disk = host.home()
        .resolve(
            "data/volumes/" + SETUP.volume() + "." + model.uids().get("volume") + "/disk.qcow2");
    return Files.getAttribute(disk, "unix:ino");
  }

  /** Looks from outside, whatever agents say. */
  void requireUntouched(IsolatedHost host) throws IOException {
    assertThat(host.emulators(SETUP.name()))
        .extracting(IsolatedHost.Running::pid)
        .containsExactly(pid);
    assertThat(IsolatedHost.startTime(pid)).isEqualTo(started);
    assertThat(links(host)).isEqualTo(links).hasSize(2);
    assertThat(disk(host, model)).isEqualTo(disk);
  }

  /** Looks from outside and at what an agent says, which has asked its monitor. */
  void requireUntouched(IsolatedHost host, Answer answer) throws IOException {
    requireUntouched(host);
    assertThat(Model.seen(SETUP.name(), answer)).isEqualTo(model);
    assertThat(model.state()).isEqualTo(Model.RUNNING);
  }
}
