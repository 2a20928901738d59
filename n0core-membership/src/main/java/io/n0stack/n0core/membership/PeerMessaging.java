package io.n0stack.n0core.membership;

import io.atomix.cluster.messaging.ManagedMessagingService;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.utils.net.Address;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/**
 * Lends the connections to Atomix, in place of its own, whose waits have no limit, whose frames have
 * none either, and whose certificates are of no name. Atomix may neither start nor stop them.
 */
final class PeerMessaging implements ManagedMessagingService {
  private static final Duration WITHOUT_TIMEOUT = Duration.ofSeconds(5);

  private final PeerNetwork network;
  private final Address address;
  private final SwimGuard guard;

  PeerMessaging(PeerNetwork network) {
    this.network = network;
    HostPort own = network.self().address();
    this.address = Address.from(own.host(), own.port());
    this.guard = new SwimGuard(network::self);
  }

  @Override
  public Address address() {
    return address;
  }

  @Override
  public CompletableFuture<Void> sendAsync(
      Address to, String type, byte[] payload, boolean keepAlive) {
    return network.send(hostPort(to), type, payload, WITHOUT_TIMEOUT);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive) {
    return network.request(hostPort(to), type, payload, WITHOUT_TIMEOUT);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive, Executor executor) {
    return sendAndReceive(to, type, payload, keepAlive, WITHOUT_TIMEOUT, executor);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive, Duration timeout) {
    guard.sent(type);
    return network.request(hostPort(to), type, payload, timeout);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to,
      String type,
      byte[] payload,
      boolean keepAlive,
      Duration timeout,
      Executor executor) {
    return sendAndReceive(to, type, payload, keepAlive, timeout)
        .thenApplyAsync(answer -> answer, executor);
  }

  /** Tells how long ago Atomix last probed anybody. */
  Duration sinceProbe() {
    return guard.sinceProbe();
  }

  private static HostPort hostPort(Address address) {
    return new HostPort(address.host(), address.port());
  }

  private static Address addressOf(Peer peer) {
    return Address.from(peer.address().host(), peer.address().port());
  }

  @Override
  public void registerHandler(String type, BiConsumer<Address, byte[]> handler, Executor executor) {
    network.serve(
        type,
        (from, payload) -> CompletableFuture.supplyAsync(
            () -> {
              handler.accept(addressOf(from), payload);
              return new byte[0];
            },
            executor));
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], byte[]> handler, Executor executor) {
    network.serve(
        type,
        (from, payload) -> CompletableFuture.supplyAsync(
            () -> {
              guard.check(type, from, payload);
              return handler.apply(addressOf(from), payload);
            },
            executor));
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], CompletableFuture<byte[]>> handler) {
    network.serve(type, (from, payload) -> handler.apply(addressOf(from), payload));
  }

  @Override
  public void unregisterHandler(String type) {
    network.unserve(type);
  }

  @Override
  public CompletableFuture<MessagingService> start() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public boolean isRunning() {
    return network.running();
  }

  @Override
  public CompletableFuture<Void> stop() {
    return CompletableFuture.completedFuture(null);
  }
}
