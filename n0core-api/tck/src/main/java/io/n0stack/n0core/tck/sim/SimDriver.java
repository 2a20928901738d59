package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * A driver whose data plane is the things of a simulated host. It behaves as the contract says; what
 * goes wrong is up to the host: resources are hidden or lost, calls fail, processes die.
 *
 * @param <S> the type of the spec
 * @param <T> the type of the status
 * @since 0.1
 */
public final class SimDriver<S extends Spec, T> implements Driver<S, T>, Power {
  /**
   * What a simulated driver drives.
   *
   * @param descriptor kind and types
   * @param status what a thing shows
   * @param loss what an agent does when one is gone
   * @param changes how components can be changed; those that are not named, live
   * @param stepTime how long each step takes, in virtual time
   * @param <S> the type of the spec
   * @param <T> the type of the status
   */
  public record Kind<S extends Spec, T>(
      Descriptor<S, T> descriptor,
      Function<SimThing, T> status,
      Loss loss,
      Map<String, Change> changes,
      Duration stepTime) {
    /** Copies the map. */
    public Kind {
      changes = Map.copyOf(changes);
    }

    Driver<S, T> open(SimHost host, SimProcess process) {
      return new SimDriver<>(this, host, process);
    }

    /**
     * Changes how long steps take.
     *
     * @param time how long, zero for none
     * @return a changed copy
     */
    public Kind<S, T> withStepTime(Duration time) {
      return new Kind<>(descriptor, status, loss, changes, time);
    }
  }

  private final Kind<S, T> kind;
  private final SimHost host;
  private final SimProcess process;

  private SimDriver(Kind<S, T> kind, SimHost host, SimProcess process) {
    this.kind = kind;
    this.host = host;
    this.process = process;
  }

  /**
   * Returns the four kinds of n0core with their own specs, so that an agent's program runs as it is.
   *
   * @return network, port, volume and machine; steps take no time
   */
  public static List<Kind<?, ?>> usual() {
    return List.of(networks(), ports(), volumes(), machines());
  }

  private static <S extends Spec, T> Kind<S, T> kind(
      String kind, Class<S> spec, Class<T> status, Function<SimThing, T> shown) {
    return new Kind<>(
        new Descriptor<>(kind, "simulated", spec, status),
        shown,
        Loss.RECREATE,
        Map.of(),
        Duration.ZERO);
  }

  private static Kind<NetworkSpec, NetworkStatus> networks() {
    return kind(
        "network",
        NetworkSpec.class,
        NetworkStatus.class,
        thing -> new NetworkStatus(thing.id().name(), thing.incarnation(), 1500, List.of()));
  }

  private static Kind<PortSpec, PortStatus> ports() {
    return kind(
        "port",
        PortSpec.class,
        PortStatus.class,
        thing -> new PortStatus(
            thing.id().name(),
            thing.incarnation(),
            ((PortSpec) thing.spec()).network(),
            MacAddress.derivedFrom(thing.id().uid()),
            1500,
            0));
  }

  private static Kind<VolumeSpec, VolumeStatus> volumes() {
    Kind<VolumeSpec, VolumeStatus> usual = kind(
        "volume",
        VolumeSpec.class,
        VolumeStatus.class,
        thing -> new VolumeStatus(
            Path.of("/volumes", thing.id().name()),
            ImageFormat.QCOW2,
            ((VolumeSpec) thing.spec()).sizeBytes().orElse(0L),
            0,
            Optional.empty()));
    return new Kind<>(
        usual.descriptor(),
        usual.status(),
        Loss.REPORT,
        Map.of("format", Change.REJECTED, "source", Change.REJECTED),
        Duration.ZERO);
  }

  private static Kind<MachineSpec, MachineStatus> machines() {
    Kind<MachineSpec, MachineStatus> usual = kind(
        "machine",
        MachineSpec.class,
        MachineStatus.class,
        thing -> MachineStatus.of(
            MachineState.RUNNING,
            Optional.of((long) thing.incarnation()),
            Accelerator.TCG,
            Path.of("/machines", thing.id().name())));
    return new Kind<>(
        usual.descriptor(),
        usual.status(),
        Loss.RECREATE,
        Map.of("vcpus", Change.RESTART, "memoryBytes", Change.RESTART, "chipset", Change.REJECTED),
        Duration.ZERO);
  }

  @Override
  public Descriptor<S, T> describe() {
    return kind.descriptor();
  }

  @Override
  public Fingerprint probe() {
    return Fingerprint.healthy(Map.of(), Map.of());
  }

  @Override
  public Set<ResourceId> list() {
    process.point("before listing " + kind.descriptor().kind());
    Set<ResourceId> all = new LinkedHashSet<>();
    host.things().stream()
        .map(SimThing::id)
        .filter(id -> id.kind().equals(kind.descriptor().kind()))
        .forEach(all::add);
    return all;
  }

  @Override
  public Observed<T> observe(ResourceId id) {
    process.point("before looking at " + id);
    if (host.hides(id)) {
      return Observed.unknown("hidden");
    }
    return host.thing(id)
        .<Observed<T>>map(
            thing -> new Observed.Present<>(kind.status().apply(thing), thing.complete()))
        .orElseGet(Observed::absent);
  }

  @Override
  public Change change(String component, S from, S to) {
    return kind.changes().getOrDefault(component, Change.LIVE);
  }

  @Override
  public Loss onLoss() {
    return kind.loss();
  }

  @Override
  public void apply(Context cx, ResourceId id, S desired) {
    begin("apply", id);
    desired.dependencies().forEach(need -> cx.require(need.kind(), need.name(), Object.class));
    if (host.thing(id).isEmpty()) {
      requireFree(id);
      step(cx, "make", () -> host.make(id, desired));
    }
    SimThing thing = thing(id);
    boolean changed = !thing.spec().equals(desired);
    if (thing.complete() && changed && restarts(thing.spec(), desired)) {
      restart(cx, id, desired);
    } else if (changed) {
      step(cx, "change", () -> host.put(thing(id).being(desired)));
    }
    maybeFail(id);
    if (!thing(id).complete()) {
      step(cx, "finish", () -> host.put(thing(id).complete(true)));
    }
  }

  private boolean restarts(Spec from, S to) {
    return from instanceof MachineSpec before
        && to instanceof MachineSpec after
        && (before.vcpus() != after.vcpus() || before.memoryBytes() != after.memoryBytes());
  }

  private void restart(Context cx, ResourceId id, S desired) {
    if (cx.disruption() != Disruption.RESTART) {
      throw new N0Exception(Code.PRECONDITION, id.toString(), "apply " + id + ": needs a restart");
    }
    step(cx, "restart", () -> host.put(thing(id).being(desired).restarted()));
  }

  private void requireFree(ResourceId id) {
    if (host.thing(id.kind(), id.name()).isPresent()) {
      throw new N0Exception(
          Code.ALREADY_EXISTS,
          id.toString(),
          "apply " + id + ": something with another uid has its name");
    }
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    begin("delete", id);
    if (host.thing(id).isPresent()) {
      step(cx, "begin to delete", () -> {
        host.requireIntentToDestroy(id);
        host.put(thing(id).complete(false));
      });
      maybeFail(id);
      step(cx, "remove", () -> {
        host.requireIntentToDestroy(id);
        host.remove(id);
      });
    }
  }

  @Override
  public void power(Context cx, ResourceId machine, PowerAction action) {
    begin("power", machine);
    step(cx, "restart", () -> host.put(thing(machine).restarted()));
  }

  private void begin(String call, ResourceId id) {
    process.point("before " + call + " of " + id);
    host.called(id);
    host.simulation().note(host.name() + ": " + call + " " + id);
    if (host.hides(id)) {
      throw new N0Exception(Code.UNAVAILABLE, id.toString(), call + " " + id + ": hidden");
    }
  }

  private void step(Context cx, String name, Runnable body) {
    cx.step(name, () -> {
      if (!kind.stepTime().isZero()) {
        host.simulation().sleep(kind.stepTime());
      }
      process.requireAlive();
      body.run();
    });
  }

  private void maybeFail(ResourceId id) {
    host.failure(id.reference()).ifPresent(code -> {
      throw new N0Exception(code, id.toString(), "simulated failure of " + id);
    });
  }

  private SimThing thing(ResourceId id) {
    return host.thing(id)
        .orElseThrow(() ->
            new N0Exception(Code.NOT_FOUND, id.toString(), id + " vanished from " + host.name()));
  }
}
