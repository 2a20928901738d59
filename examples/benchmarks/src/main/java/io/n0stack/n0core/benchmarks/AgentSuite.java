package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The runtime alone, on a driver that does nothing. */
final class AgentSuite implements Suite {
  private static final int SPECS = 1000;

  /**
   * A spec of nothing.
   *
   * @param size a number
   */
  record NothingSpec(int size) implements Spec {}

  /**
   * A status of nothing.
   *
   * @param size a number
   */
  record NothingStatus(int size) {}

  @Override
  public List<Figure> measure(Path scratch) {
    Nothing driver = new Nothing();
    AgentOptions quiet = AgentOptions.defaults().withTick(Duration.ofHours(1));
    try (Agent agent = Agent.open(scratch.resolve("agent"), List.of(driver), quiet)) {
      List<io.n0stack.n0core.agent.Operation<ResourceId>> operations = new ArrayList<>();
      for (int i = 0; i < SPECS; i++) {
        operations.add(agent.apply("nothing", "n" + i, new NothingSpec(i)));
      }
      operations.forEach(operation -> operation.await(Duration.ofMinutes(5)));
    }
    double[] seconds = new double[5];
    for (int i = 0; i < seconds.length; i++) {
      long start = System.nanoTime();
      try (Agent agent = Agent.open(scratch.resolve("agent"), List.of(driver), quiet)) {
        Recovery recovery = agent.recovery();
        seconds[i] = (System.nanoTime() - start) / 1e9;
        if (recovery.adopted().size() != SPECS) {
          throw new IllegalStateException("adopted " + recovery.adopted().size() + " of " + SPECS);
        }
      }
    }
    return List.of(new Figure(
        "agent: recovery of 1000 specs",
        Rounds.median(seconds),
        "s",
        5,
        Figure.Direction.AT_MOST,
        "median of " + seconds.length));
  }

  private static final class Nothing implements Driver<NothingSpec, NothingStatus> {
    private final Map<ResourceId, Integer> all = new ConcurrentHashMap<>();

    @Override
    public Descriptor<NothingSpec, NothingStatus> describe() {
      return new Descriptor<>("nothing", "nothing", NothingSpec.class, NothingStatus.class);
    }

    @Override
    public Fingerprint probe() {
      return Fingerprint.healthy(Map.of(), Map.of());
    }

    @Override
    public Set<ResourceId> list() {
      return Set.copyOf(all.keySet());
    }

    @Override
    public Observed<NothingStatus> observe(ResourceId id) {
      Integer size = all.get(id);
      return size == null ? Observed.absent() : Observed.complete(new NothingStatus(size));
    }

    @Override
    public void apply(Context cx, ResourceId id, NothingSpec desired) {
      all.put(id, desired.size());
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      all.remove(id);
    }
  }
}
