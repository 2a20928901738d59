package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A driver of imaginary machines that notes every call that would change the host. */
final class RecordingDriver implements Driver<RecordingDriver.Wish, RecordingDriver.Seen> {
  /** What is wanted. */
  record Wish(String text) implements Spec {}

  /** What is there. */
  record Seen(String text) {}

  final List<String> changes = new CopyOnWriteArrayList<>();
  private final Map<ResourceId, Wish> made = new ConcurrentHashMap<>();

  @Override
  public Descriptor<Wish, Seen> describe() {
    return new Descriptor<>("wish", "recording", Wish.class, Seen.class);
  }

  @Override
  public Fingerprint probe() {
    return Fingerprint.healthy(Map.of(), Map.of());
  }

  @Override
  public Set<ResourceId> list() {
    return Set.copyOf(made.keySet());
  }

  @Override
  public Observed<Seen> observe(ResourceId id) {
    Wish wish = made.get(id);
    return wish == null ? Observed.absent() : Observed.complete(new Seen(wish.text()));
  }

  @Override
  public void apply(Context cx, ResourceId id, Wish desired) {
    changes.add("apply " + id.name());
    made.put(id, desired);
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    changes.add("delete " + id.name());
    made.remove(id);
  }
}
