package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.Decoder;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a monitor knows about one topic, and how it learns and tells. Used by the monitor's thread.
 *
 * @param <T> a thing of the topic
 */
final class Watched<T> {
  private final int appearance;
  private final int removal;
  private final Decoder<T> decoder;
  private final Function<T, Object> key;
  private final Supplier<List<T>> list;
  private final BiConsumer<Optional<T>, T> changed;
  private final Consumer<T> removed;
  private final Map<Object, T> known = new LinkedHashMap<>();

  /** The types of the messages that say that something is there, and that it is not. */
  record Types(int appearance, int removal) {}

  /** Whom changes are told. */
  record Listener<T>(BiConsumer<Optional<T>, T> changed, Consumer<T> removed) {}

  Watched(
      Types types,
      Decoder<T> decoder,
      Function<T, Object> key,
      Supplier<List<T>> list,
      Listener<T> listener) {
    appearance = types.appearance();
    removal = types.removal();
    this.decoder = decoder;
    this.key = key;
    this.list = list;
    changed = listener.changed();
    removed = listener.removed();
  }

  /** Takes a message; tells nothing if it says nothing new. */
  void message(int type, ByteBuffer bytes, int from, int to) {
    if (type != appearance && type != removal) {
      return;
    }
    T thing = decoder.decode(bytes, from, to);
    if (thing == null) {
      return;
    }
    if (type == appearance) {
      see(thing);
    } else {
      miss(key.apply(thing));
    }
  }

  /** Looks what is there and tells the difference. */
  void resynchronise() {
    Map<Object, T> there = new LinkedHashMap<>();
    list.get().forEach(thing -> there.put(key.apply(thing), thing));
    List.copyOf(known.keySet()).stream().filter(one -> !there.containsKey(one)).forEach(this::miss);
    there.values().forEach(this::see);
  }

  private void see(T thing) {
    Optional<T> before = Optional.ofNullable(known.put(key.apply(thing), thing));
    if (before.isEmpty() || !before.get().equals(thing)) {
      changed.accept(before, thing);
    }
  }

  private void miss(Object one) {
    T thing = known.remove(one);
    if (thing != null) {
      removed.accept(thing);
    }
  }
}
