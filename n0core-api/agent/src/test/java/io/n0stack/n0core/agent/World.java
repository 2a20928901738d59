package io.n0stack.n0core.agent;

import static java.util.Objects.requireNonNull;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** A data plane in memory: it outlives agents, and can be made to hide, fail and hang. */
final class World {
  record ThingSpec(int size, List<Reference> needs) implements Spec {
    ThingSpec {
      needs = List.copyOf(needs);
    }

    static ThingSpec of(int size) {
      return new ThingSpec(size, List.of());
    }

    ThingSpec needing(String kind, String name) {
      List<Reference> all = new ArrayList<>(needs);
      all.add(new Reference(kind, name));
      return new ThingSpec(size, all);
    }

    @Override
    public Set<Reference> dependencies() {
      return Set.copyOf(needs);
    }
  }

  record ThingStatus(int size, int incarnation) {}

  static ApplyOptions onFailure(OnFailure policy) {
    return ApplyOptions.defaults().withOnFailure(policy);
  }

  /** Something that exists. */
  static final class Thing {
    int size;
    boolean finished;
    final int incarnation;

    Thing(int incarnation) {
      this.incarnation = incarnation;
    }
  }

  interface Touch {
    void touch();
  }

  /** What a test does at a call of a driver: wait, throw, or change the world. */
  interface Hook {
    void at(String call) throws InterruptedException;
  }

  final Map<ResourceId, Thing> things = new ConcurrentHashMap<>();
  final Set<String> hidden = ConcurrentHashMap.newKeySet();
  final List<String> calls = new CopyOnWriteArrayList<>();
  volatile Optional<N0Exception> failure = Optional.empty();
  volatile Optional<CountDownLatch> hang = Optional.empty();
  volatile boolean liesAboutDone;
  volatile boolean liesAboutGone;
  volatile Hook hook = call -> {};
  volatile Driver.Loss loss = Driver.Loss.RECREATE;
  volatile Map<String, Driver.Change> changes = Map.of();
  volatile Disruption disruption = Disruption.NONE;
  private int incarnations;

  List<Driver<?, ?>> drivers() {
    return List.of(driver("cell"), driver("wall"), driver("house"));
  }

  Thing thing(ResourceId id) {
    return requireNonNull(things.get(id));
  }

  private void at(String call) {
    try {
      hook.at(call);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(call, e);
    }
  }

  private synchronized Thing make() {
    return new Thing(++incarnations);
  }

  private Driver<ThingSpec, ThingStatus> driver(String kind) {
    return new ThingDriver(kind);
  }

  private final class ThingDriver implements Driver<ThingSpec, ThingStatus>, Touch {
    private final String kind;

    ThingDriver(String kind) {
      this.kind = kind;
    }

    @Override
    public Descriptor<ThingSpec, ThingStatus> describe() {
      return new Descriptor<>(kind, "world", ThingSpec.class, ThingStatus.class);
    }

    @Override
    public Fingerprint probe() {
      return Fingerprint.healthy(Map.of(), Map.of());
    }

    @Override
    public Set<ResourceId> list() {
      Set<ResourceId> mine = ConcurrentHashMap.newKeySet();
      things.keySet().stream().filter(id -> id.kind().equals(kind)).forEach(mine::add);
      at("list " + kind);
      return new AbstractSet<>() {
        @Override
        public Iterator<ResourceId> iterator() {
          Iterator<ResourceId> all = mine.iterator();
          return new Iterator<>() {
            @Override
            public boolean hasNext() {
              if (!all.hasNext()) {
                at("listed " + kind);
              }
              return all.hasNext();
            }

            @Override
            public ResourceId next() {
              return all.next();
            }
          };
        }

        @Override
        public int size() {
          return mine.size();
        }
      };
    }

    @Override
    public Observed<ThingStatus> observe(ResourceId id) {
      at("observe " + id.name());
      if (hidden.contains(id.name())) {
        return Observed.unknown("hidden by the test");
      }
      Thing thing = things.get(id);
      if (thing == null) {
        return Observed.absent();
      }
      ThingStatus status = new ThingStatus(thing.size, thing.incarnation);
      return thing.finished ? Observed.complete(status) : Observed.incomplete(status);
    }

    @Override
    public void apply(Context cx, ResourceId id, ThingSpec desired) {
      calls.add("apply " + id.name());
      disruption = cx.disruption();
      at("apply " + id.name());
      for (Reference need : desired.needs()) {
        cx.require(need.kind(), need.name(), ThingStatus.class);
      }
      if (!things.containsKey(id)) {
        cx.step("make", () -> things.put(id, make()));
      }
      Thing thing = thing(id);
      if (hang.isPresent()) {
        cx.step("hang", () -> hang.get().await());
      }
      if (failure.isPresent()) {
        throw failure.get();
      }
      cx.step("size", () -> thing.size = desired.size());
      cx.step("finish", () -> thing.finished = !liesAboutDone);
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      calls.add("delete " + id.name());
      at("delete " + id.name());
      if (things.containsKey(id) && !liesAboutGone) {
        cx.step("open up", () -> thing(id).finished = false);
        cx.step("take away", () -> things.remove(id));
      }
    }

    @Override
    public void close() {
      at("close " + kind);
    }

    @Override
    public Change change(String component, ThingSpec from, ThingSpec to) {
      return changes.getOrDefault(component, Change.LIVE);
    }

    @Override
    public Loss onLoss() {
      return loss;
    }

    @Override
    public void touch() {
      calls.add("touch " + kind);
    }
  }
}
