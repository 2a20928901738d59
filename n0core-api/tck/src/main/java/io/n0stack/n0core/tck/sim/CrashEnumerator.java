package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Phase;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Kills the agent of a scenario at every point of its life, and the next one at every point of its
 * recovery, with a client that asks again and with one that never comes back, and with the store lost.
 * After each such schedule it checks that the promise was kept:
 *
 * <ul>
 *   <li>nothing was destroyed, and nothing made, without a durable intent;
 *   <li>nothing that was READY once was rolled back;
 *   <li>nothing was made twice;
 *   <li>what is on record is as it says, and what is not is reported as an orphan;
 *   <li>bystanders were not touched, and what was acknowledged holds;
 *   <li>with the store lost, everything is still there and can be adopted.
 * </ul>
 *
 * @since 0.1
 */
public final class CrashEnumerator {
  private static final long SEED = 1;
  private static final int NEVER = Integer.MAX_VALUE / 2;
  private static final Duration LIFE = Duration.ofHours(2);
  private static final Duration SETTLING = Duration.ofMinutes(7);
  private static final AgentOptions OPTIONS =
      AgentOptions.defaults().withTick(Duration.ofMinutes(1));
  private static final VolumeSpec BYSTANDER = VolumeSpec.empty(1 << 20);

  private final Simulation simulation;
  private final Scenario scenario;
  private final int mostViolations;
  private final List<String> violations = new ArrayList<>();
  private int schedules;

  private CrashEnumerator(Simulation simulation, Scenario scenario, int mostViolations) {
    this.simulation = simulation;
    this.scenario = scenario;
    this.mostViolations = mostViolations;
  }

  /**
   * What came of it.
   *
   * @param schedules how many lives and deaths were tried
   * @param violations what went against the promise, each with the schedule that shows it
   */
  public record Report(int schedules, List<String> violations) {
    /** Copies the list. */
    public Report {
      violations = List.copyOf(violations);
    }
  }

  /** A host at rest between two lives, and what has happened there. */
  private record Rest(
      SimHost.Image host,
      Map<ResourceId, SimThing> bystanders,
      boolean acknowledged,
      List<String> deaths,
      List<String> trace) {}

  /**
   * Tries all schedules of a scenario.
   *
   * @param scenario the scenario
   * @param mostViolations after how many it gives up
   * @return what came of it
   */
  public static Report enumerate(Scenario scenario, int mostViolations) {
    try (Simulation simulation = new Simulation(SEED)) {
      CrashEnumerator enumerator = new CrashEnumerator(simulation, scenario, mostViolations);
      enumerator.enumerate();
      return new Report(enumerator.schedules, enumerator.violations);
    }
  }

  private void enumerate() {
    Rest prepared = prepare();
    boolean died = true;
    for (int first = 0; died && !enough(); first++) {
      Rest rest = firstLife(prepared, first);
      died = rest.deaths().size() > prepared.deaths().size();
      later(rest, first, false, false);
      later(rest, first, false, true);
      if (scenario.repeatable()) {
        later(rest, first, true, false);
      }
    }
  }

  private boolean enough() {
    return violations.size() >= mostViolations;
  }

  private Rest prepare() {
    Run run = new Run(simulation, scenario);
    boolean unused = run.life(NEVER, agent -> {
      ResourceId id = agent.apply("volume", "bystander", BYSTANDER).await(LIFE);
      scenario.prepare(agent);
      return id;
    });
    run.host.plant(new SimThing(ResourceId.fresh("volume", "stray"), 1000, 1, BYSTANDER, true));
    scenario.disturb(run.host);
    Map<ResourceId, SimThing> bystanders = run.host.things().stream()
        .filter(thing -> Set.of("bystander", "stray").contains(thing.id().name()))
        .collect(Collectors.toMap(SimThing::id, thing -> thing));
    return run.rest(bystanders);
  }

  /** The first life is the same whatever comes after it, so it is lived once. */
  private Rest firstLife(Rest prepared, int deadly) {
    Run run = new Run(simulation, scenario, prepared);
    boolean unused = run.life(deadly, run::ask);
    return run.rest(prepared.bystanders());
  }

  /** Lets the second life die at each of its points, and at none. */
  private void later(Rest rest, int first, boolean retries, boolean loses) {
    boolean died = true;
    for (int second = 0; died && !enough(); second++) {
      schedules++;
      Run run = new Run(simulation, scenario, rest);
      died = run.life(second, retries ? run::ask : agent -> true);
      run.lastLife(retries, loses);
      run.requirePromise(rest);
      if (!run.wrong.isEmpty()) {
        violations.add(scenario.getClass().getSimpleName() + " dying at point " + first
            + " and at point " + second + (retries ? ", with" : ", without")
            + " retries, the store " + (loses ? "lost" : "kept") + ": " + run.wrong + "\n    "
            + String.join("\n    ", rest.trace()) + "\n    "
            + String.join("\n    ", simulation.trace()));
      }
    }
  }

  /** Some lives of a host. */
  private static final class Run {
    private final Simulation simulation;
    private final SimHost host;
    private final Scenario scenario;
    private final List<String> wrong = new ArrayList<>();
    private final List<String> deaths = new ArrayList<>();
    private boolean acknowledged;

    Run(Simulation simulation, Scenario scenario) {
      this.simulation = simulation;
      this.host = simulation.host("node-1");
      this.scenario = scenario;
    }

    Run(Simulation simulation, Scenario scenario, Rest from) {
      simulation.renew(SEED);
      this.simulation = simulation;
      this.host = simulation.host("node-1");
      this.scenario = scenario;
      host.restore(from.host());
      deaths.addAll(from.deaths());
      acknowledged = from.acknowledged();
    }

    Rest rest(Map<ResourceId, SimThing> bystanders) {
      return new Rest(
          host.image(), bystanders, acknowledged, List.copyOf(deaths), simulation.trace());
    }

    private interface Deed {
      Object with(Agent agent) throws InterruptedException;
    }

    /** Lives once, and tells whether it died at the point. */
    boolean life(int deadly, Deed deed) {
      SimProcess process = host.start(one -> {
        one.dieAt(deadly);
        Agent agent = one.openAgent(OPTIONS);
        Recovery unused = agent.recovery();
        perform(agent, deed);
      });
      boolean over = simulation.runUntil(() -> !host.running(), LIFE);
      if (!over) {
        wrong.add("a life does not end");
      }
      boolean died = process.dead();
      if (died) {
        deaths.add(process.points().get(process.points().size() - 1));
      }
      process.kill();
      return died;
    }

    private static void perform(Agent agent, Deed deed) {
      try {
        Object unused = deed.with(agent);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    boolean ask(Agent agent) throws InterruptedException {
      try {
        scenario.request(agent);
        acknowledged = true;
      } catch (N0Exception e) {
        simulation.note("the request failed: " + e.code());
      }
      return acknowledged;
    }

    void lastLife(boolean retries, boolean loses) {
      if (loses) {
        lastLifeWithoutStore();
      } else {
        lastLifeWithStore(retries);
      }
    }

    private void lastLifeWithStore(boolean retries) {
      live((agent, recovery) -> {
        if (retries) {
          boolean unused = ask(agent);
        }
        simulation.sleep(SETTLING);
        requireConverged(agent);
        wrong.addAll(
            scenario.wrong(new Scenario.Outcome(host, agent, recovery, acknowledged, deaths)));
      });
    }

    private void lastLifeWithoutStore() {
      host.store().lose();
      List<SimThing> before = host.things();
      live((agent, recovery) -> {
        simulation.sleep(SETTLING);
        if (!host.things().equals(before)) {
          wrong.add("with the store lost " + before + " became " + host.things());
        }
        Set<ResourceId> all = before.stream().map(SimThing::id).collect(Collectors.toSet());
        if (!agent.orphans().equals(all) || !recovery.orphans().equals(all)) {
          wrong.add("orphans are " + agent.orphans() + " instead of " + all);
        }
        before.stream()
            .filter(thing -> thing.id().kind().equals("network"))
            .forEach(thing -> adopt(agent, thing));
      });
    }

    private void adopt(Agent agent, SimThing thing) {
      agent.adopt(thing.id(), thing.spec()).await(LIFE);
      Optional<SimThing> now = host.thing(thing.id());
      if (!now.equals(Optional.of(thing.complete(true)))) {
        wrong.add("adopting " + thing + " made it " + now);
      }
    }

    private interface End {
      void with(Agent agent, Recovery recovery) throws InterruptedException;
    }

    private void live(End end) {
      boolean[] reached = {false};
      boolean unused = life(NEVER, agent -> {
        end.with(agent, agent.recovery());
        reached[0] = true;
        return agent;
      });
      if (!reached[0]) {
        wrong.add("the last life does not reach its end");
      }
    }

    private void requireConverged(Agent agent) {
      Set<ResourceId> accounted = new HashSet<>(agent.orphans());
      for (Resource resource : agent.resources()) {
        accounted.add(resource.id());
        requireAsRecorded(resource);
      }
      for (SimThing thing : host.things()) {
        if (!accounted.contains(thing.id())) {
          wrong.add(thing + " is neither on record nor reported");
        }
      }
    }

    private void requireAsRecorded(Resource resource) {
      if (scenario.mayFail().contains(resource.id().reference())) {
        return;
      }
      Optional<SimThing> thing = host.thing(resource.id());
      boolean right = resource.phase() == Phase.READY
          && thing
              .filter(one -> one.complete() && one.spec().equals(resource.spec()))
              .isPresent();
      if (!right) {
        wrong.add(resource + " is " + thing);
      }
    }

    void requirePromise(Rest rest) {
      wrong.addAll(host.violations());
      rest.bystanders().forEach((id, before) -> {
        Optional<SimThing> now = host.thing(id);
        if (!now.equals(Optional.of(before))) {
          wrong.add("bystander " + before + " became " + now);
        }
        if (host.calls(id) != (id.name().equals("bystander") ? 1 : 0)) {
          wrong.add("drivers were called for bystander " + id);
        }
      });
    }
  }
}
