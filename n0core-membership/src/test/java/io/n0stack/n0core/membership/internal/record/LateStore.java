package io.n0stack.n0core.membership.internal.record;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;

/** A store whose news wait until the test lets them through, as those of a distant one may. */
final class LateStore implements Store {
  private final Store store;
  private final BlockingQueue<Runnable> news = new LinkedBlockingQueue<>();

  LateStore(Store store) {
    this.store = store;
  }

  void awaitNews() {
    await().atMost(Duration.ofSeconds(30)).until(() -> !news.isEmpty());
  }

  void tell() {
    Runnable one = news.poll();
    while (one != null) {
      one.run();
      one = news.poll();
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
    return store.put(key, value, expectedRevision);
  }

  @Override
  public void delete(String key, long expectedRevision) {
    store.delete(key, expectedRevision);
  }

  @Override
  public Subscription watch(Executor executor, Listener listener) {
    return store.watch(Runnable::run, (key, now) -> news.add(() -> listener.changed(key, now)));
  }

  @Override
  public void close() {
    // The test closes the store beneath.
  }
}
