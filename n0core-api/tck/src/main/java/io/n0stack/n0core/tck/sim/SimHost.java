package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A host: a store, a data plane and, now and then, a process. Store and data plane outlive the process.
 *
 * <p>It watches over the promise: whatever is destroyed without a durable intent to destroy it, made
 * without one, or made twice, is a violation.
 *
 * @since 0.1
 */
public final class SimHost {
  private final Simulation simulation;
  private final String name;
  private final SimStore store = new SimStore();
  private final Map<ResourceId, SimThing> things = new LinkedHashMap<>();
  private final List<SimDriver.Kind<?, ?>> kinds = new ArrayList<>();
  private final Map<Reference, Deque<N0Exception.Code>> failures = new HashMap<>();
  private final Set<Reference> hidden = new HashSet<>();
  private final List<String> violations = new ArrayList<>();
  private final Map<ResourceId, Integer> calls = new HashMap<>();
  private @Nullable SimProcess process;
  private int incarnations;

  SimHost(Simulation simulation, String name) {
    this.simulation = simulation;
    this.name = name;
    kinds.addAll(SimDriver.usual());
  }

  /**
   * Returns its name.
   *
   * @return the name it was asked for by
   */
  public String name() {
    return name;
  }

  /**
   * Returns its records.
   *
   * @return the same store at each call
   */
  public SimStore store() {
    return store;
  }

  Simulation simulation() {
    return simulation;
  }

  /**
   * Replaces its drivers, which are those of network, port, volume and machine at first.
   *
   * @param all what they drive
   */
  public void drive(List<SimDriver.Kind<?, ?>> all) {
    kinds.clear();
    kinds.addAll(all);
  }

  List<Driver<?, ?>> drivers(SimProcess life) {
    List<Driver<?, ?>> drivers = new ArrayList<>();
    kinds.forEach(kind -> drivers.add(kind.open(this, life)));
    return drivers;
  }

  /**
   * Starts a program. It runs until the body returns or it crashes; a body that keeps running sleeps in
   * virtual time.
   *
   * @param body the program
   * @return its process
   * @throws IllegalStateException if a program runs already
   */
  public SimProcess start(Consumer<SimProcess> body) {
    if (running()) {
      throw new IllegalStateException(name + " runs a program already");
    }
    SimProcess started = new SimProcess(simulation, this);
    process = started;
    simulation.note(name + " starts");
    simulation.schedule(started, Duration.ZERO, () -> {
      body.accept(started);
      if (process == started) {
        process = null;
      }
    });
    return started;
  }

  /**
   * Says whether a program runs.
   *
   * @return false before the first start, after a crash, and once the program has ended
   */
  public boolean running() {
    return process != null && !process.dead();
  }

  /** Ends the program at this instant, as {@code kill -9} does. Does nothing if none runs. */
  public void crash() {
    SimProcess current = process;
    if (current != null && !current.dead()) {
      simulation.note(name + " crashes");
      current.kill();
    }
  }

  /**
   * Lets the next calls for a resource fail.
   *
   * @param resource the resource
   * @param code what they fail with
   * @param times how many
   */
  public void fail(Reference resource, N0Exception.Code code, int times) {
    for (int i = 0; i < times; i++) {
      failures.computeIfAbsent(resource, r -> new ArrayDeque<>()).add(code);
    }
  }

  Optional<N0Exception.Code> failure(Reference resource) {
    return Optional.ofNullable(failures.get(resource)).map(Deque::poll);
  }

  /**
   * Hides a resource: looking at it says that it cannot be seen.
   *
   * @param resource the resource
   */
  public void hide(Reference resource) {
    hidden.add(resource);
  }

  /**
   * Shows a resource again.
   *
   * @param resource the resource
   */
  public void show(Reference resource) {
    hidden.remove(resource);
  }

  boolean hides(ResourceId id) {
    return hidden.contains(id.reference());
  }

  /**
   * Removes something behind everybody's back, as an administrator or a broken disk does.
   *
   * @param resource the resource
   */
  public void lose(Reference resource) {
    things.keySet().removeIf(id -> id.reference().equals(resource));
  }

  /**
   * Puts something there that no agent of this host has on record.
   *
   * @param thing the thing, with a stamp
   */
  public void plant(SimThing thing) {
    things.put(thing.id(), thing);
  }

  /**
   * Lists what there is.
   *
   * @return the things, by kind and name
   */
  public List<SimThing> things() {
    return things.values().stream()
        .sorted(Comparator.comparing((SimThing thing) -> thing.id().kind())
            .thenComparing(thing -> thing.id().name())
            .thenComparing(SimThing::incarnation))
        .toList();
  }

  /**
   * Finds a thing.
   *
   * @param kind its kind
   * @param thing its name
   * @return the thing, empty if there is none
   */
  public Optional<SimThing> thing(String kind, String thing) {
    Reference reference = new Reference(kind, thing);
    return things().stream()
        .filter(one -> one.id().reference().equals(reference))
        .findFirst();
  }

  Optional<SimThing> thing(ResourceId id) {
    return Optional.ofNullable(things.get(id));
  }

  /** All there is on a host on which nothing runs. */
  record Image(
      SimStore.Image store,
      Map<ResourceId, SimThing> things,
      Map<Reference, List<N0Exception.Code>> failures,
      Set<Reference> hidden,
      List<String> violations,
      Map<ResourceId, Integer> calls,
      int incarnations) {}

  Image image() {
    Map<Reference, List<N0Exception.Code>> left = new HashMap<>();
    failures.forEach((resource, codes) -> left.put(resource, List.copyOf(codes)));
    return new Image(
        store.image(),
        new LinkedHashMap<>(things),
        left,
        Set.copyOf(hidden),
        List.copyOf(violations),
        Map.copyOf(calls),
        incarnations);
  }

  void restore(Image image) {
    store.restore(image.store());
    things.clear();
    things.putAll(image.things());
    failures.clear();
    image.failures().forEach((resource, codes) -> failures.put(resource, new ArrayDeque<>(codes)));
    hidden.clear();
    hidden.addAll(image.hidden());
    violations.clear();
    violations.addAll(image.violations());
    calls.clear();
    calls.putAll(image.calls());
    incarnations = image.incarnations();
  }

  /**
   * Lists what went against the promise.
   *
   * @return what happened, for people; empty as long as the promise is kept
   */
  public List<String> violations() {
    return List.copyOf(violations);
  }

  void violate(String what) {
    violations.add(what);
    simulation.note("VIOLATION on " + name + ": " + what);
  }

  /**
   * Counts the calls by which a driver was asked to change or delete a resource.
   *
   * @param id the resource
   * @return how many, over all lives
   */
  public int calls(ResourceId id) {
    return calls.getOrDefault(id, 0);
  }

  /**
   * Counts all calls by which drivers were asked to change or delete something.
   *
   * @return how many, over all lives
   */
  public int calls() {
    return sum(calls.values());
  }

  private static int sum(Collection<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).sum();
  }

  void called(ResourceId id) {
    calls.merge(id, 1, Integer::sum);
  }

  /** Makes something half, if somebody durably wants it and nothing has its name. */
  void make(ResourceId id, Spec spec) {
    String key = "resource/" + id.kind() + "/" + id.name();
    if (!store.says(key, "\"uid\":\"" + id.uid() + "\"")) {
      violate("made " + id + " without a durable intent");
    }
    if (things.keySet().stream().anyMatch(other -> other.reference().equals(id.reference()))) {
      violate("made a second " + id);
    }
    things.put(id, new SimThing(id, ++incarnations, 1, spec, false));
  }

  void put(SimThing thing) {
    things.put(thing.id(), thing);
  }

  /** Destroys something or begins to, if somebody durably wants that. */
  void requireIntentToDestroy(ResourceId id) {
    String key = "resource/" + id.kind() + "/" + id.name();
    String uid = "\"uid\":\"" + id.uid() + "\"";
    boolean rollingBack = store.says(key, uid) && store.says(key, "\"phase\":\"ROLLING_BACK\"");
    if (rollingBack && store.wasReady(id)) {
      violate("rolled back " + id + ", which was READY once");
    }
    boolean deleting =
        rollingBack || (store.says(key, uid) && store.says(key, "\"phase\":\"DELETING\""));
    boolean reaping = store.records().stream()
        .filter(record -> record.key().startsWith("action/"))
        .anyMatch(record ->
            store.says(record.key(), uid) && store.says(record.key(), "\"verb\":\"reap\""));
    if (!deleting && !reaping) {
      violate("destroyed " + id + " without a durable intent to");
    }
  }

  void remove(ResourceId id) {
    things.remove(id);
  }
}
