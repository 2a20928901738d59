package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import io.n0stack.n0core.examples.agent.AgentProcess.Seen;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is true of one machine with its network, port and volume.
 *
 * @param name the machine
 * @param specs what differs between specs, by kind; a kind that is not there has none
 * @param uids the identities, by kind; of what is not known yet there is none
 * @param state what the machine is doing, empty if it is not there
 * @param pid its emulator, {@code -} if it has none, empty if that is not known
 * @param snapshots those of the volume
 */
record Model(
    String name,
    Map<String, String> specs,
    Map<String, String> uids,
    String state,
    String pid,
    Set<String> snapshots) {
  static final List<String> KINDS = List.of("network", "port", "volume", "machine");
  static final String RUNNING = "RUNNING";
  static final String PAUSED = "PAUSED";
  static final String SHUTDOWN = "SHUTDOWN";
  static final String CRASHED = "CRASHED";

  static Model nothing(String name) {
    return new Model(name, Map.of(), Map.of(), "", "", Set.of());
  }

  /** Takes what an agent says. */
  static Model seen(String name, Answer answer) {
    Map<String, String> specs = new TreeMap<>();
    Map<String, String> uids = new HashMap<>();
    Setup names = new Setup(name, 1, PowerPolicy.MANUAL, 1);
    String state = "";
    String pid = "";
    Set<String> snapshots = new HashSet<>();
    for (Seen one : answer.seen()) {
      String kind = one.reference().split("/", 2)[0];
      if (!one.reference().equals(kind + "/" + names.name(kind))) {
        continue;
      }
      assertThat(List.of(one.phase(), one.how()))
          .as("%s", one)
          .containsExactly("READY", "COMPLETE");
      specs.put(kind, one.spec());
      uids.put(kind, one.uid());
      if (kind.equals("machine")) {
        state = one.state();
        pid = one.pid();
      } else if (kind.equals("volume")) {
        Arrays.stream(one.state().replace("-", "").split(","))
            .filter(snapshot -> !snapshot.isEmpty())
            .forEach(snapshots::add);
      }
    }
    return new Model(name, specs, uids, state, pid, snapshots);
  }

  Model withSpec(String kind, String text) {
    Map<String, String> changed = new TreeMap<>(specs);
    changed.put(kind, text);
    return new Model(name, changed, uids, state, pid, snapshots);
  }

  /** The same specs with a machine that does something else; its emulator is not known. */
  Model doing(String other) {
    return new Model(name, specs, uids, other, "", snapshots);
  }

  /** The same with a machine that does something else in the same emulator. */
  Model inPlace(String other) {
    return new Model(name, specs, uids, other, pid, snapshots);
  }

  Model withPid(String other) {
    return new Model(name, specs, uids, state, other, snapshots);
  }

  Model withSnapshots(Set<String> others) {
    return new Model(name, specs, uids, state, pid, others);
  }

  boolean has(String kind) {
    return specs.containsKey(kind);
  }

  boolean off() {
    return state.equals(SHUTDOWN) || state.equals(CRASHED);
  }

  Setup setup() {
    String[] machine = specs.getOrDefault("machine", "24:MANUAL").split(":", 2);
    return new Setup(
        name,
        Integer.parseInt(machine[0]),
        PowerPolicy.valueOf(machine[1]),
        Integer.parseInt(specs.getOrDefault("volume", "16")));
  }

  /** Applies all four; the machine is started if it is made, or if its policy says so. */
  Model applied(Setup setup) {
    Map<String, String> all = Map.of(
        "network",
        "-",
        "port",
        "-",
        "volume",
        String.valueOf(setup.diskMib()),
        "machine",
        setup.memoryMib() + ":" + setup.policy());
    boolean started = !has("machine")
        || (off() && setup.policy() == PowerPolicy.ALWAYS_ON)
        || (state.equals(CRASHED) && setup.policy() != PowerPolicy.MANUAL);
    return new Model(name, all, uids, started ? RUNNING : state, started ? "" : pid, snapshots);
  }

  /** Checks that each part is as it was before an order or as it is after it. */
  static void requireEither(Model before, Model after, Set<String> states, Model seen) {
    String what = "before " + before + "\nafter " + after + "\nseen " + seen;
    for (String kind : KINDS) {
      assertThat(Optional.ofNullable(seen.specs().get(kind)))
          .as("%s: %s", kind, what)
          .isIn(
              Optional.ofNullable(before.specs().get(kind)),
              Optional.ofNullable(after.specs().get(kind)));
      if (seen.has(kind) && before.has(kind) && before.uids().containsKey(kind)) {
        assertThat(seen.uids().get(kind))
            .as("uid of %s: %s", kind, what)
            .isEqualTo(before.uids().get(kind));
      }
    }
    if (seen.has("machine")) {
      Set<String> allowed = new HashSet<>(states);
      allowed.addAll(List.of(before.state(), after.state()));
      assertThat(seen.state()).as(what).isIn(allowed);
      if (!before.pid().isEmpty() && before.pid().equals(after.pid())) {
        assertThat(seen.pid()).as("pid: %s", what).isEqualTo(before.pid());
      }
    }
    if (seen.has("volume")) {
      Set<String> kept = new HashSet<>(before.snapshots());
      kept.retainAll(after.snapshots());
      Set<String> possible = new HashSet<>(before.snapshots());
      possible.addAll(after.snapshots());
      assertThat(possible).as(what).containsAll(seen.snapshots());
      assertThat(seen.snapshots()).as(what).containsAll(kept);
    }
  }
}
