package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Where fake machines are. */
final class FakeHost {
  final Map<ResourceId, Machine> machines = new ConcurrentHashMap<>();

  /** One of them. */
  static final class Machine {
    Optional<MachineSpec> spec = Optional.empty();
    MachineState state = MachineState.PREPARED;
    Phase phase = Phase.SETTLED;
    Optional<UUID> token = Optional.empty();
    long used;
    final Map<String, MachineSnapshot> snapshots = new LinkedHashMap<>();
    final Map<UUID, Verdict> verdicts = new HashMap<>();
  }

  Machine require(ResourceId id) {
    Machine machine = machines.get(id);
    if (machine == null) {
      throw new N0Exception(N0Exception.Code.NOT_FOUND, id.toString(), "there is none");
    }
    return machine;
  }

  static void require(ResourceId id, boolean condition) {
    if (!condition) {
      throw new N0Exception(N0Exception.Code.PRECONDITION, id.toString(), "its state is wrong");
    }
  }
}
