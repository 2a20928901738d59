package io.n0stack.n0core.membership;

import io.atomix.cluster.messaging.ManagedMessagingService;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.utils.net.Address;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/**
 * Atomix's messaging, with every wait bounded. Its own timer starts only after a handshake that has
 * no limit, so that a stopped process whose kernel still accepts connections would never be
 * suspected.
 */
final class TimedMessaging implements ManagedMessagingService {
  private static final Duration WITHOUT_TIMEOUT = Duration.ofSeconds(5);
  private static final long GRACE_MILLIS = 100; // lets the inner timer, which knows more, go first

  private final ManagedMessagingService inner;

  TimedMessaging(ManagedMessagingService inner) {
    this.inner = inner;
  }

  @Override
  public Address address() {
    return inner.address();
  }

  @Override
  public CompletableFuture<Void> sendAsync(
      Address to, String type, byte[] payload, boolean keepAlive) {
    return bounded(inner.sendAsync(to, type, payload, keepAlive), WITHOUT_TIMEOUT);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive) {
    return bounded(inner.sendAndReceive(to, type, payload, keepAlive), WITHOUT_TIMEOUT);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive, Executor executor) {
    return bounded(inner.sendAndReceive(to, type, payload, keepAlive, executor), WITHOUT_TIMEOUT);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive, Duration timeout) {
    return bounded(inner.sendAndReceive(to, type, payload, keepAlive, timeout), timeout);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to,
      String type,
      byte[] payload,
      boolean keepAlive,
      Duration timeout,
      Executor executor) {
    return bounded(inner.sendAndReceive(to, type, payload, keepAlive, timeout, executor), timeout);
  }

  private static <T> CompletableFuture<T> bounded(CompletableFuture<T> future, Duration timeout) {
    // A dependent: completing Atomix's own future from the JDK's timer thread would race with it.
    return future
        .thenApply(answer -> answer)
        .orTimeout(timeout.toMillis() + GRACE_MILLIS, TimeUnit.MILLISECONDS);
  }

  @Override
  public void registerHandler(String type, BiConsumer<Address, byte[]> handler, Executor executor) {
    inner.registerHandler(type, handler, executor);
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], byte[]> handler, Executor executor) {
    inner.registerHandler(type, handler, executor);
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], CompletableFuture<byte[]>> handler) {
    inner.registerHandler(type, handler);
  }

  @Override
  public void unregisterHandler(String type) {
    inner.unregisterHandler(type);
  }

  /** Starts; does nothing if it runs, so that requests may go out before this member joins. */
  @Override
  public CompletableFuture<MessagingService> start() {
    if (inner.isRunning()) {
      return CompletableFuture.completedFuture(this);
    }
    return inner.start().thenApply(started -> this);
  }

  @Override
  public boolean isRunning() {
    return inner.isRunning();
  }

  @Override
  public CompletableFuture<Void> stop() {
    return inner.stop();
  }
}
