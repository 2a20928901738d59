package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Counts what each peer has asked and not been answered, and lets it be few: what all peers wait in has
 * room for few times that, so that one that asks without end keeps only itself waiting. Thread-safe.
 */
public final class OpenRequests {
  /** What is asked. */
  public enum Kind {
    /** Not read yet, so that nobody knows. */
    UNREAD(16),
    /** Changes of records. */
    CHANGE(4),
    /** Questions. */
    QUESTION(8),
    /** Waits for what comes next, one for each watch that a peer has. */
    WATCH(16);

    private final int most;

    Kind(int most) {
      this.most = most;
    }
  }

  private record Counted(String peer, Kind kind) {}

  private final Map<Counted, Integer> open = new ConcurrentHashMap<>();

  /**
   * Begins to answer a request, unless its peer has as many of the kind open as one may have.
   *
   * @param peer who asks
   * @param kind what for
   * @param answer begins to answer it
   * @param <T> what the answer is
   * @return the answer, or failed with BUSY, and then nothing was begun
   */
  public <T> CompletableFuture<T> begin(
      String peer, Kind kind, Supplier<CompletableFuture<T>> answer) {
    Counted counted = new Counted(peer, kind);
    if (!entered(counted)) {
      return CompletableFuture.failedFuture(new N0Exception(
          Code.BUSY,
          "node registry",
          "node registry: \"" + peer + "\" has " + kind.most + " requests of kind "
              + kind.name().toLowerCase(Locale.ROOT) + " open, the most there can be"));
    }
    return CompletableFuture.completedFuture(counted)
        .thenCompose(begun -> answer.get())
        .whenComplete((done, failure) -> left(counted));
  }

  private boolean entered(Counted counted) {
    AtomicBoolean room = new AtomicBoolean();
    open.compute(counted, (key, count) -> {
      int before = count == null ? 0 : count;
      room.set(before < key.kind().most);
      return room.get() ? Integer.valueOf(before + 1) : count;
    });
    return room.get();
  }

  private void left(Counted counted) {
    open.computeIfPresent(counted, (key, count) -> count == 1 ? null : count - 1);
  }
}
