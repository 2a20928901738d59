package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/** A store as seen by a process that dies before one of its writes. */
final class MortalStore implements Store {
  /** The process is dead. */
  static final class Died extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private final Store store;
  private int writes;

  MortalStore(Store store, int writes) {
    this.store = store;
    this.writes = writes;
  }

  private void write() {
    writes--;
    if (writes < 0) {
      throw new Died();
    }
  }

  @Override
  public Optional<Versioned> find(String key) {
    return store.find(key);
  }

  @Override
  public List<Versioned> list(String prefix) {
    return store.list(prefix);
  }

  @Override
  public long put(String key, String value, long expectedRevision) {
    write();
    return store.put(key, value, expectedRevision);
  }

  @Override
  public void delete(String key, long expectedRevision) {
    write();
    store.delete(key, expectedRevision);
  }

  @Override
  public Subscription watch(Executor executor, Listener listener) {
    return store.watch(executor, listener);
  }

  @Override
  public void close() {
    store.close();
  }
}
