package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.ApplyOptions;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.agent.OnFailure;
import io.n0stack.n0core.agent.Phase;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** What clients ask of agents, one scenario for each thing that an agent can be asked. */
final class Scenarios {
  private static final Duration LIMIT = Duration.ofMinutes(30);
  private static final long GIB = 1L << 30;
  private static final VolumeSpec ROOT = VolumeSpec.empty(GIB);
  private static final MachineSpec WEB = MachineSpec.of(1, GIB, "root", "eth0");
  private static final Bundle BUNDLE = Bundle.empty()
      .with("network", "lan", NetworkSpec.Flat.isolated())
      .with("port", "eth0", PortSpec.on("lan"))
      .with("volume", "root", ROOT)
      .with("machine", "web1", WEB);

  private Scenarios() {}

  static Map<String, Supplier<Scenario>> all() {
    Map<String, Supplier<Scenario>> all = new LinkedHashMap<>();
    all.put("create", Create::new);
    all.put("change live", ChangeLive::new);
    all.put("change by restart", ChangeByRestart::new);
    all.put("delete", Delete::new);
    all.put("roll back", RollBack::new);
    all.put("roll back what was lost", RollBackLost::new);
    all.put("act", Act::new);
    all.put("adopt", Adopt::new);
    all.put("reap", Reap::new);
    all.put("repair drift", Drift::new);
    all.put("restore", Restore::new);
    all.put("leave the unseen alone", Unseen::new);
    all.put("delete the unseen", DeleteUnseen::new);
    all.put("damaged record", DamagedRecord::new);
    all.put("full disk", FullDisk::new);
    return all;
  }

  private static boolean ready(Scenario.Outcome outcome, String kind, String name) {
    return outcome
        .agent()
        .find(kind, name)
        .filter(r -> r.phase() == Phase.READY)
        .isPresent();
  }

  private static Optional<SimThing> thing(Scenario.Outcome outcome, String kind, String name) {
    return outcome.host().thing(kind, name);
  }

  /** Says what is wrong unless something holds. */
  private static void require(List<String> wrong, boolean holds, String what) {
    if (!holds) {
      wrong.add(what);
    }
  }

  private static List<String> requireBundle(Scenario.Outcome outcome, int starts) {
    List<String> wrong = new ArrayList<>();
    for (Bundle.Entry entry : BUNDLE.entries()) {
      Reference reference = entry.reference();
      Optional<SimThing> found = thing(outcome, reference.kind(), reference.name());
      require(wrong, ready(outcome, reference.kind(), reference.name()), reference + " not READY");
      require(
          wrong,
          found
              .filter(one -> one.spec().equals(entry.spec()) && one.starts() == starts)
              .isPresent(),
          reference + " is " + found);
    }
    return wrong;
  }

  /** What begins with a machine and all that it needs. */
  private abstract static class OnBundle implements Scenario {
    @Override
    public void prepare(Agent agent) {
      List<ResourceId> unused = agent.apply(BUNDLE);
    }
  }

  /** A bundle is created. */
  static final class Create implements Scenario {
    @Override
    public void request(Agent agent) {
      List<ResourceId> unused = agent.apply(BUNDLE);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      return outcome.acknowledged() ? requireBundle(outcome, 1) : List.of();
    }
  }

  /** A volume grows. */
  static final class ChangeLive extends OnBundle {
    private static final VolumeSpec GROWN = ROOT.withSizeBytes(2 * GIB);

    @Override
    public void request(Agent agent) {
      agent.apply("volume", "root", GROWN).await(LIMIT);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> root = thing(outcome, "volume", "root");
      boolean grown = root.filter(one -> one.spec().equals(GROWN)).isPresent();
      boolean old = root.filter(one -> one.spec().equals(ROOT)).isPresent();
      require(wrong, grown || (old && !outcome.acknowledged()), "the volume is " + root);
      require(
          wrong,
          thing(outcome, "machine", "web1").filter(one -> one.starts() == 1).isPresent(),
          "the machine is " + thing(outcome, "machine", "web1"));
      return wrong;
    }
  }

  /** A machine gets another vCPU, and may be restarted for that, once. */
  static final class ChangeByRestart extends OnBundle {
    private static final MachineSpec MORE = MachineSpec.of(2, GIB, "root", "eth0");

    @Override
    public void request(Agent agent) {
      ApplyOptions allowed = ApplyOptions.defaults().withDisruption(Disruption.RESTART);
      agent.apply("machine", "web1", MORE, allowed).await(LIMIT);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> web = thing(outcome, "machine", "web1");
      boolean changed =
          web.filter(one -> one.spec().equals(MORE) && one.starts() == 2).isPresent();
      boolean old =
          web.filter(one -> one.spec().equals(WEB) && one.starts() == 1).isPresent();
      require(wrong, changed || (old && !outcome.acknowledged()), "the machine is " + web);
      return wrong;
    }
  }

  /** A bundle is deleted. */
  static final class Delete extends OnBundle {
    @Override
    public void request(Agent agent) {
      agent.delete(BUNDLE);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      for (Bundle.Entry entry : BUNDLE.entries()) {
        Reference reference = entry.reference();
        Optional<SimThing> left = thing(outcome, reference.kind(), reference.name());
        require(wrong, left.isEmpty() || !outcome.acknowledged(), "left: " + left);
        if (left.isPresent()) {
          entry
              .spec()
              .dependencies()
              .forEach(need -> require(
                  wrong,
                  thing(outcome, need.kind(), need.name()).isPresent(),
                  reference + " has lost its " + need));
        }
      }
      return wrong;
    }
  }

  /** A volume cannot be made and is rolled back. */
  static final class RollBack extends OnBundle {
    private static final Reference FRESH = new Reference("volume", "fresh");

    @Override
    public void disturb(SimHost host) {
      host.fail(FRESH, N0Exception.Code.EXHAUSTED, 1);
      host.fail(new Reference("volume", "root"), N0Exception.Code.EXHAUSTED, 1);
    }

    @Override
    public void request(Agent agent) {
      ApplyOptions rollBack = ApplyOptions.defaults().withOnFailure(OnFailure.ROLL_BACK);
      N0Exception first = null;
      for (String name : List.of(FRESH.name(), "root")) { // what was READY is never rolled back
        try {
          agent.apply("volume", name, ROOT.withSizeBytes(2 * GIB), rollBack).await(LIMIT);
        } catch (N0Exception e) {
          first = first == null ? e : first;
        }
      }
      if (first != null) {
        throw first;
      }
    }

    @Override
    public Set<Reference> mayFail() {
      return Set.of(new Reference("volume", "root"));
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      boolean there = thing(outcome, FRESH.kind(), FRESH.name()).isPresent();
      boolean ready = ready(outcome, FRESH.kind(), FRESH.name());
      require(wrong, there == ready, "rolled back by half");
      require(wrong, ready || !outcome.acknowledged(), "acknowledged and gone");
      require(
          wrong, thing(outcome, "volume", "root").isPresent(), "what was READY was rolled back");
      return wrong;
    }
  }

  /** A volume was out of sight and is reported lost; it is there again, and cannot be changed. */
  static final class RollBackLost extends OnBundle {
    private static final Reference VOLUME = new Reference("volume", "root");

    @Override
    public void disturb(SimHost host) {
      SimThing root = host.thing(VOLUME.kind(), VOLUME.name()).orElseThrow();
      host.lose(VOLUME);
      host.start(process -> {
        try (Agent agent = process.openAgent(AgentOptions.defaults())) {
          Recovery unused = agent.recovery();
        }
      });
      if (!host.simulation().runUntil(() -> !host.running(), LIMIT)) {
        throw new IllegalStateException("the loss is not reported");
      }
      host.plant(root);
      host.fail(VOLUME, N0Exception.Code.EXHAUSTED, 1);
    }

    @Override
    public void request(Agent agent) {
      ApplyOptions rollBack = ApplyOptions.defaults().withOnFailure(OnFailure.ROLL_BACK);
      agent
          .apply(VOLUME.kind(), VOLUME.name(), ROOT.withSizeBytes(2 * GIB), rollBack)
          .await(LIMIT);
    }

    @Override
    public Set<Reference> mayFail() {
      return Set.of(VOLUME);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> root = thing(outcome, VOLUME.kind(), VOLUME.name());
      require(wrong, root.filter(SimThing::complete).isPresent(), "the volume is " + root);
      require(
          wrong,
          ready(outcome, VOLUME.kind(), VOLUME.name()) || !outcome.acknowledged(),
          "acknowledged and not READY");
      return wrong;
    }
  }

  /** A machine is restarted, at most once. */
  static final class Act extends OnBundle {
    @Override
    public void request(Agent agent) {
      agent
          .act("machine", "web1", "reboot", Power.class, (power, cx, id) -> {
            power.power(cx, id, PowerAction.HARD_REBOOT);
            return id;
          })
          .await(LIMIT);
    }

    @Override
    public boolean repeatable() {
      return false;
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      int starts = thing(outcome, "machine", "web1").map(SimThing::starts).orElse(0);
      boolean reported = outcome.recovery().indeterminate().stream()
          .anyMatch(one -> one.verb().equals("reboot") && one.target().name().equals("web1"));
      require(wrong, starts == 1 || starts == 2, "started " + starts + " times");
      require(wrong, starts == 2 || !outcome.acknowledged(), "acknowledged and not done");
      // Between the end of the note and the answer there is nothing left to write.
      boolean told = outcome.acknowledged() || outcome.deaths().contains("after forgetting a note");
      require(
          wrong,
          starts == 1 || told || reported,
          "done, not acknowledged and not reported as indeterminate");
      return wrong;
    }
  }

  /** An orphan is taken on record. */
  static final class Adopt implements Scenario {
    private final ResourceId old = ResourceId.fresh("volume", "old");

    @Override
    public void disturb(SimHost host) {
      host.plant(new SimThing(old, 2000, 1, ROOT, true));
    }

    @Override
    public void request(Agent agent) {
      if (agent.find(old.kind(), old.name()).isEmpty()) {
        agent.adopt(old, ROOT).await(LIMIT);
      }
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> found = thing(outcome, old.kind(), old.name());
      require(
          wrong,
          found.filter(one -> one.incarnation() == 2000 && one.complete()).isPresent(),
          "the orphan is " + found);
      Optional<Resource> known = outcome.agent().find(old.kind(), old.name());
      require(
          wrong,
          known
                  .filter(one -> one.id().equals(old) && one.phase() == Phase.READY)
                  .isPresent()
              || (known.isEmpty() && !outcome.acknowledged()),
          "on record is " + known);
      return wrong;
    }
  }

  /** An orphan is deleted. */
  static final class Reap implements Scenario {
    private final ResourceId old = ResourceId.fresh("volume", "old");

    @Override
    public void disturb(SimHost host) {
      host.plant(new SimThing(old, 2000, 1, ROOT, true));
    }

    @Override
    public void request(Agent agent) {
      if (agent.orphans().contains(old)) {
        agent.reap(old).await(LIMIT);
      }
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> left = thing(outcome, old.kind(), old.name());
      require(wrong, left.isEmpty() || !outcome.acknowledged(), "acknowledged, but left: " + left);
      boolean reported = outcome.recovery().indeterminate().stream()
          .anyMatch(one -> one.target().equals(old));
      require(
          wrong,
          left.filter(one -> !one.complete()).isEmpty() || reported,
          "half deleted, and not reported as indeterminate");
      return wrong;
    }
  }

  /** A network, a port and a volume disappear: two are made again, the one that held data is not. */
  static final class Drift extends OnBundle {
    @Override
    public void disturb(SimHost host) {
      BUNDLE.entries().stream()
          .map(Bundle.Entry::reference)
          .filter(reference -> !reference.kind().equals("machine"))
          .forEach(host::lose);
    }

    @Override
    public void request(Agent agent) {
      agent.reconcile();
    }

    @Override
    public Set<Reference> mayFail() {
      return Set.of(new Reference("volume", "root"));
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      for (String kind : List.of("network", "port")) {
        require(
            wrong,
            outcome.host().things().stream()
                .anyMatch(one -> one.id().kind().equals(kind) && one.complete()),
            kind + " was not made again");
      }
      require(wrong, thing(outcome, "volume", "root").isEmpty(), "an empty volume was made");
      require(
          wrong,
          outcome
              .agent()
              .find("volume", "root")
              .filter(one -> one.phase() == Phase.FAILED && one.message().contains("lost"))
              .isPresent(),
          "the loss is not reported");
      require(
          wrong,
          thing(outcome, "machine", "web1").filter(one -> one.starts() == 1).isPresent(),
          "the machine was disturbed");
      return wrong;
    }
  }

  /** The store is lost, and a backup brings the specs back. */
  static final class Restore implements Scenario {
    private String backup = "";

    @Override
    public void prepare(Agent agent) {
      List<ResourceId> unused = agent.apply(BUNDLE);
      backup = agent.export();
    }

    @Override
    public void disturb(SimHost host) {
      host.store().lose();
    }

    @Override
    public void request(Agent agent) {
      List<ResourceId> unused = agent.restore(without(backup));
    }

    /** The bystander stays an orphan: restoring it would be a reason to call its driver. */
    private static String without(String backup) {
      return backup.replaceFirst("\\{[^{}]*\"name\" : \"bystander\"[^{}]*\\{[^}]*}[^}]*},?", "");
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      return outcome.acknowledged() ? requireBundle(outcome, 1) : List.of();
    }
  }

  /** A machine that has drifted cannot be seen. */
  static final class Unseen extends OnBundle {
    private static final Reference WEB1 = new Reference("machine", "web1");
    private int callsBefore;

    @Override
    public void disturb(SimHost host) {
      host.thing(WEB1.kind(), WEB1.name()).ifPresent(web -> host.plant(web.complete(false)));
      host.hide(WEB1);
      callsBefore = host.calls();
    }

    @Override
    public void request(Agent agent) {
      agent.reconcile();
    }

    @Override
    public Set<Reference> mayFail() {
      return Set.of(WEB1);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      require(wrong, outcome.host().calls() == callsBefore, "a driver was called for the unseen");
      require(wrong, ready(outcome, WEB1.kind(), WEB1.name()), "its record was changed");
      return wrong;
    }
  }

  /** A machine that cannot be seen is to be deleted with all that it needs. */
  static final class DeleteUnseen extends OnBundle {
    @Override
    public void disturb(SimHost host) {
      host.hide(new Reference("machine", "web1"));
    }

    @Override
    public void request(Agent agent) {
      agent.delete(BUNDLE);
    }

    @Override
    public Set<Reference> mayFail() {
      return Set.of(
          new Reference("machine", "web1"),
          new Reference("port", "eth0"),
          new Reference("network", "lan"),
          new Reference("volume", "root"));
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      require(wrong, !outcome.acknowledged(), "acknowledged what could not be seen");
      for (Bundle.Entry entry : BUNDLE.entries()) {
        Reference reference = entry.reference();
        require(
            wrong,
            thing(outcome, reference.kind(), reference.name())
                .filter(SimThing::complete)
                .isPresent(),
            reference + " was destroyed though the machine cannot be seen");
      }
      return wrong;
    }
  }

  /** A machine's record is damaged: the machine runs on as an orphan, and the rest is served. */
  static final class DamagedRecord extends OnBundle {
    @Override
    public void disturb(SimHost host) {
      host.store().damage("resource/machine/web1");
    }

    @Override
    public void request(Agent agent) {
      agent.apply("volume", "root", ROOT).await(LIMIT);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      Optional<SimThing> web = thing(outcome, "machine", "web1");
      require(
          wrong,
          web.filter(one -> one.starts() == 1 && one.complete()).isPresent(),
          "the machine is " + web);
      require(
          wrong,
          web.filter(one -> outcome.agent().orphans().contains(one.id())).isPresent(),
          "the machine is not reported");
      require(
          wrong,
          outcome.host().store().records().stream()
              .anyMatch(record -> record.key().startsWith("unreadable/machine/web1")),
          "the damaged record is gone");
      return wrong;
    }
  }

  /** There is no space for an intent: nothing is made. */
  static final class FullDisk implements Scenario {
    @Override
    public void disturb(SimHost host) {
      host.store().setFull(true);
    }

    @Override
    public void request(Agent agent) {
      List<ResourceId> unused = agent.apply(BUNDLE);
    }

    @Override
    public List<String> wrong(Outcome outcome) {
      List<String> wrong = new ArrayList<>();
      require(wrong, !outcome.acknowledged(), "acknowledged what is not on record");
      require(
          wrong, outcome.host().things().size() == 2, "made " + outcome.host().things());
      return wrong;
    }
  }
}
