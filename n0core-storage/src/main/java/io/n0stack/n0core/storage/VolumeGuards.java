package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Keeps work on several volumes apart from work on one of them. Whoever works on one volume is alone with it
 * by contract; whoever works on several is known for one of them alone. Nobody waits.
 */
final class VolumeGuards {
  private final Map<UUID, ReentrantReadWriteLock> locks = new ConcurrentHashMap<>();

  private ReentrantReadWriteLock lock(ResourceId id) {
    return locks.computeIfAbsent(id.uid(), uid -> new ReentrantReadWriteLock());
  }

  /** Works on one volume; BUSY while another thread works on it and others. */
  <R> R one(ResourceId id, Supplier<R> work) {
    return held(id, lock(id).readLock(), work);
  }

  /** Works on several volumes; BUSY while another thread works on one of them. */
  <R> R several(List<ResourceId> ids, Supplier<R> work) {
    List<ResourceId> ordered =
        ids.stream().sorted(Comparator.comparing(ResourceId::uid)).toList();
    return next(ordered, work);
  }

  private <R> R next(List<ResourceId> ids, Supplier<R> work) {
    if (ids.isEmpty()) {
      return work.get();
    }
    ResourceId first = ids.get(0);
    return held(first, lock(first).writeLock(), () -> next(ids.subList(1, ids.size()), work));
  }

  private static <R> R held(ResourceId id, Lock lock, Supplier<R> work) {
    if (!lock.tryLock()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          id.toString(),
          "work on " + id + ": it is being worked on together with others");
    }
    try {
      return work.get();
    } finally {
      lock.unlock();
    }
  }
}
