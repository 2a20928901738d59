package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.agent.StepListener;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An agent in a process of its own that is killed at a point. First it recovers from its predecessor's
 * death, proves that all is as it should be and deletes it; then it creates everything anew and dies at
 * the n-th point before or after a step. What it finds wrong it says in a line that begins with WRONG.
 */
public final class Victim {
  private Victim() {}

  /**
   * Lives and dies.
   *
   * @param args the directory of its state, the bundle's file, and the point at which it dies
   * @throws Exception if it cannot even begin
   */
  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]);
    int deadly = Integer.parseInt(args[2]);
    Map<String, String> config = Map.of(
        "kvm.directory",
        home + "/kvm",
        "storage.directory",
        home + "/volumes",
        "kvm.accelerator",
        "tcg");
    List<Driver<?, ?>> drivers = DriverPlugin.drivers(config);
    Killer killer = new Killer(deadly);
    AgentOptions options =
        AgentOptions.defaults().withTick(Duration.ofHours(1)).withStepListener(killer);
    try (Agent agent = Agent.open(home.resolve("agent"), drivers, options)) {
      Bundle bundle = agent.parse(Files.readString(Path.of(args[1])));
      Recovery recovery = agent.recovery();
      System.out.println("recovered " + recovery);
      require(recovery.orphans().isEmpty(), "orphans " + recovery.orphans());
      require(recovery.unknown().isEmpty(), "unknown " + recovery.unknown());
      if (deadly > 0) {
        // From the first point on, all four intents were on disk before the first effect.
        require(agent.resources().size() == 4, "resources " + agent.resources());
      }
      for (Resource resource : agent.resources()) {
        require(resource.phase().name().equals("READY"), "after recovery " + resource);
      }
      check(agent, bundle, drivers);
      agent.delete(bundle);
      for (Driver<?, ?> driver : drivers) {
        require(driver.list().isEmpty(), "left after delete " + driver.list());
      }
      System.out.println("deleted");
      killer.arm();
      agent.apply(bundle);
      killer.disarm();
      System.out.println("completed with " + killer.points() + " points");
      check(agent, bundle, drivers);
      agent.delete(bundle);
    }
  }

  private static void check(Agent agent, Bundle bundle, List<Driver<?, ?>> drivers) {
    if (agent.resources().isEmpty()) {
      return;
    }
    List<ResourceId> ids = agent.apply(bundle);
    for (Driver<?, ?> driver : drivers) {
      List<ResourceId> mine = new ArrayList<>(ids);
      mine.removeIf(id -> !id.kind().equals(driver.describe().kind()));
      require(
          driver.list().equals(java.util.Set.copyOf(mine)),
          "listed " + driver.list() + " for " + mine);
    }
    Observed<MachineStatus> machine = agent.observe("machine", "web1", MachineStatus.class);
    require(
        machine instanceof Observed.Present<MachineStatus> present
            && present.complete()
            && present.status().state().name().equals("RUNNING"),
        "machine " + machine);
    if (machine instanceof Observed.Present<MachineStatus> present) {
      System.out.println("pid " + present.status().pid().orElse(-1L));
    }
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      System.out.println("WRONG " + what);
    }
  }

  /** Ends the process as kill -9 does: no hook runs, nothing is flushed. */
  private static final class Killer implements StepListener {
    private final int deadly;
    private int points;
    private boolean armed;

    Killer(int deadly) {
      this.deadly = deadly;
    }

    synchronized void arm() {
      armed = true;
      points = 0;
    }

    synchronized void disarm() {
      armed = false;
    }

    synchronized int points() {
      return points;
    }

    @Override
    public void before(ResourceId resource, String verb, String step) {
      pass("before " + step + " of " + resource);
    }

    @Override
    public void after(ResourceId resource, String verb, String step, long nanos) {
      pass("after " + step + " of " + resource);
    }

    private synchronized void pass(String where) {
      if (armed && points++ == deadly) {
        System.out.println("dies " + where);
        System.out.flush();
        Runtime.getRuntime().halt(137);
      }
    }
  }
}
