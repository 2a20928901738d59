package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Machines that are entries of a map, so that only the runtime is measured; those of another driver may
 * be among them, told by their names.
 */
final class SimulatedMachines implements ComputeDriver {
  static final String REAL = "real";

  private final Map<ResourceId, MachineSpec> machines = new ConcurrentHashMap<>();
  private final Optional<ComputeDriver> real;

  SimulatedMachines(Optional<ComputeDriver> real) {
    this.real = real;
  }

  private Optional<ComputeDriver> other(ResourceId id) {
    return real.filter(driver -> id.name().startsWith(REAL));
  }

  @Override
  public Descriptor<MachineSpec, MachineStatus> describe() {
    return new Descriptor<>(KIND, "simulated", MachineSpec.class, MachineStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Fingerprint.healthy(Map.of(), Map.of());
  }

  @Override
  public Set<ResourceId> list() {
    Set<ResourceId> all = new HashSet<>(machines.keySet());
    real.ifPresent(driver -> all.addAll(driver.list()));
    return all;
  }

  @Override
  public Observed<MachineStatus> observe(ResourceId id) {
    return other(id).map(driver -> driver.observe(id)).orElseGet(() -> simulated(id));
  }

  private Observed<MachineStatus> simulated(ResourceId id) {
    return machines.containsKey(id)
        ? Observed.complete(MachineStatus.of(
            MachineState.RUNNING, Optional.empty(), Accelerator.TCG, Path.of("/dev/null")))
        : Observed.absent();
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    other(id)
        .ifPresentOrElse(
            driver -> driver.apply(cx, id, desired),
            () -> cx.step("simulate", () -> {
              machines.put(id, desired);
            }));
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    other(id)
        .ifPresentOrElse(
            driver -> driver.delete(cx, id),
            () -> cx.step("forget", () -> machines.keySet().remove(id)));
  }

  @Override
  public void power(Context cx, ResourceId machine, PowerAction action) {
    other(machine).ifPresent(driver -> driver.power(cx, machine, action));
  }

  @Override
  public void close() {
    real.ifPresent(ComputeDriver::close);
  }
}
