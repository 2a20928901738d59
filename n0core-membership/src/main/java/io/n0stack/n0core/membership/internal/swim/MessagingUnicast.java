package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.messaging.ManagedUnicastService;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.cluster.messaging.UnicastService;
import io.atomix.utils.net.Address;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;

/**
 * Gossip over the messaging connections. Atomix's own goes over UDP, where any datagram is believed
 * and its first four bytes are allocated.
 */
final class MessagingUnicast implements ManagedUnicastService {
  static final String PREFIX = "n0core-unicast-";

  private final MessagingService messaging;
  private volatile boolean running;

  MessagingUnicast(MessagingService messaging) {
    this.messaging = messaging;
  }

  @Override
  public void unicast(Address to, String subject, byte[] message) {
    if (running) {
      // Lost gossip is gossiped again; who does not answer is found by the probes.
      var unused = messaging.sendAsync(to, PREFIX + subject, message);
    }
  }

  @Override
  public void addListener(String subject, BiConsumer<Address, byte[]> listener, Executor executor) {
    messaging.registerHandler(PREFIX + subject, listener, executor);
  }

  @Override
  public void removeListener(String subject, BiConsumer<Address, byte[]> listener) {
    messaging.unregisterHandler(PREFIX + subject);
  }

  @Override
  public CompletableFuture<UnicastService> start() {
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
