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
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Kills the agent of a scenario at every point of its life, and the next one at every point of its
 * recovery, with a client that asks again and with one that never comes back, and with the store lost.
 * After each such schedule it checks that the promise was kept:
 *
 * <ul>
 *   <li>nothing was destroyed, and nothing made, without a durable intent;
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

  private final int mostViolations;
  private final List<String> violations = new ArrayList<>();
  private int schedules;

  private CrashEnumerator(int mostViolations) {
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

  /**
   * One way to die.
   *
   * @param first the point of the first life, {@link #NEVER} for none
   * @param second the point of the second life
   * @param retries whether the client asks again in each later life
   * @param loses whether the store is lost before the last life
   */
  private record Schedule(int first, int second, boolean retries, boolean loses) {
    @Override
    public String toString() {
      return "dying at " + (first == NEVER ? "no" : first) + " and at "
          + (second == NEVER ? "no" : second) + " point, " + (retries ? "with" : "without")
          + " retries, the store " + (loses ? "lost" : "kept");
    }
  }

  /** How many points two lives had before they died or were over. */
  private record Lived(int first, int second) {}

  /**
   * Tries all schedules of a scenario.
   *
   * @param scenario makes the scenario, anew for each schedule
   * @param mostViolations after how many it gives up
   * @return what came of it
   */
  public static Report enumerate(Supplier<Scenario> scenario, int mostViolations) {
    CrashEnumerator enumerator = new CrashEnumerator(mostViolations);
    enumerator.firstLives(scenario);
    return new Report(enumerator.schedules, enumerator.violations);
  }

  private void firstLives(Supplier<Scenario> scenario) {
    boolean repeatable = scenario.get().repeatable();
    for (int first = 0; violations.size() < mostViolations; first++) {
      Lived lived = run(scenario, new Schedule(first, NEVER, false, false));
      run(scenario, new Schedule(first, NEVER, false, true));
      for (int second = 0; second < lived.second() && !enough(); second++) {
        run(scenario, new Schedule(first, second, false, false));
      }
      if (repeatable) {
        lived = run(scenario, new Schedule(first, NEVER, true, false));
        for (int second = 0; second < lived.second() && !enough(); second++) {
          run(scenario, new Schedule(first, second, true, false));
        }
      }
      if (lived.first() <= first) {
        return; // it lived to the end: there was no such point
      }
    }
  }

  private boolean enough() {
    return violations.size() >= mostViolations;
  }

  private Lived run(Supplier<Scenario> scenario, Schedule schedule) {
    schedules++;
    try (Simulation simulation = new Simulation(SEED)) {
      Run run = new Run(simulation, scenario.get(), schedule);
      Lived lived = run.live();
      if (!run.wrong.isEmpty()) {
        violations.add(run.scenario.getClass().getSimpleName() + " " + schedule + ": " + run.wrong
            + "\n    " + String.join("\n    ", simulation.trace()));
      }
      return lived;
    }
  }

  /** One schedule. */
  private static final class Run {
    private final Simulation simulation;
    private final SimHost host;
    private final Scenario scenario;
    private final Schedule schedule;
    private final List<String> wrong = new ArrayList<>();
    private final ResourceId stray = ResourceId.fresh("volume", "stray");
    private Map<ResourceId, SimThing> bystanders = Map.of();
    private final List<String> deaths = new ArrayList<>();
    private boolean acknowledged;

    Run(Simulation simulation, Scenario scenario, Schedule schedule) {
      this.simulation = simulation;
      this.host = simulation.host("node-1");
      this.scenario = scenario;
      this.schedule = schedule;
    }

    Lived live() {
      life(NEVER, agent -> {
        ResourceId id = agent.apply("volume", "bystander", BYSTANDER).await(LIFE);
        scenario.prepare(agent);
        return id;
      });
      host.plant(new SimThing(stray, 1000, 1, BYSTANDER, true));
      scenario.disturb(host);
      bystanders = host.things().stream()
          .filter(thing -> Set.of("bystander", "stray").contains(thing.id().name()))
          .collect(Collectors.toMap(SimThing::id, thing -> thing));
      int callsBefore = bystanders.keySet().stream().mapToInt(host::calls).sum();
      SimProcess first = life(schedule.first(), this::ask);
      SimProcess second = life(schedule.second(), schedule.retries() ? this::ask : agent -> true);
      if (schedule.loses()) {
        lastLifeWithoutStore();
      } else {
        lastLifeWithStore();
      }
      wrong.addAll(host.violations());
      requireUntouched(callsBefore);
      return new Lived(first.points().size(), second.points().size());
    }

    private interface Deed {
      Object with(Agent agent) throws InterruptedException;
    }

    private SimProcess life(int deadly, Deed deed) {
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
      if (process.dead()) {
        deaths.add(process.points().get(process.points().size() - 1));
      }
      process.kill();
      return process;
    }

    private static void perform(Agent agent, Deed deed) {
      try {
        Object unused = deed.with(agent);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private boolean ask(Agent agent) throws InterruptedException {
      try {
        scenario.request(agent);
        acknowledged = true;
      } catch (N0Exception e) {
        simulation.note("the request failed: " + e.code());
      }
      return acknowledged;
    }

    private void lastLifeWithStore() {
      lastLife((agent, recovery) -> {
        if (schedule.retries()) {
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
      lastLife((agent, recovery) -> {
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

    private void lastLife(End end) {
      boolean[] reached = {false};
      SimProcess unused = life(NEVER, agent -> {
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

    private void requireUntouched(int callsBefore) {
      bystanders.forEach((id, before) -> {
        Optional<SimThing> now = host.thing(id);
        if (!now.equals(Optional.of(before))) {
          wrong.add("bystander " + before + " became " + now);
        }
      });
      int calls = bystanders.keySet().stream().mapToInt(host::calls).sum();
      if (calls != callsBefore) {
        wrong.add("drivers were called for bystanders");
      }
    }
  }
}
