package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.messaging.BroadcastService;
import io.atomix.cluster.messaging.ManagedBroadcastService;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Takes the place of Atomix's UDP multicast, which nothing here uses. */
final class NoBroadcast implements ManagedBroadcastService {
  private volatile boolean running;

  @Override
  public void broadcast(String subject, byte[] message) {}

  @Override
  public void addListener(String subject, Consumer<byte[]> listener) {}

  @Override
  public void removeListener(String subject, Consumer<byte[]> listener) {}

  @Override
  public CompletableFuture<BroadcastService> start() {
    running = true;
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  @Override
  public CompletableFuture<Void> stop() {
    running = false;
    return CompletableFuture.completedFuture(null);
  }
}
