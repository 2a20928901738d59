package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.messaging.ManagedMessagingService;
import io.atomix.cluster.messaging.MessagingService;
import io.atomix.utils.net.Address;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.connection.Handler;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Lends the connections to Atomix, in place of its own, whose waits have no limit, whose frames have
 * none either, and whose certificates are of no name. Atomix may neither start nor stop them. What
 * goes over them is in {@link SwimWire our own form}.
 */
final class PeerMessaging implements ManagedMessagingService {
  private static final Duration WITHOUT_TIMEOUT = Duration.ofSeconds(5);

  private final PeerNetwork network;
  private final Address address;
  private final SwimGuard guard;
  private final SwimMessages messages = new SwimMessages();
  private volatile Supplier<CompletableFuture<byte[]>> lists =
      () -> CompletableFuture.failedFuture(new IOException("not joined"));
  private volatile Consumer<List<Optional<Told>>> hears = members -> {};

  PeerMessaging(PeerNetwork network) {
    this.network = network;
    HostPort own = network.self().address();
    this.address = Address.from(own.host(), own.port());
    this.guard = new SwimGuard(network::self, network::greetedAt);
  }

  @Override
  public Address address() {
    return address;
  }

  @Override
  public CompletableFuture<Void> sendAsync(
      Address to, String type, byte[] payload, boolean keepAlive) {
    CompletableFuture<?>[] sent = messages.questions(type, payload).stream()
        .map(message -> network.send(hostPort(to), type, message, WITHOUT_TIMEOUT))
        .toArray(CompletableFuture<?>[]::new);
    return CompletableFuture.allOf(sent);
  }

  @Override
  public CompletableFuture<byte[]> sendAndReceive(
      Address to, String type, byte[] payload, boolean keepAlive) {
    return sendAndReceive(to, type, payload, keepAlive, WITHOUT_TIMEOUT);
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
    return network
        .request(hostPort(to), type, messages.questions(type, payload).get(0), timeout)
        .thenApply(answer -> {
          List<Optional<Told>> members = SwimMessages.readAnswer(type, answer);
          return messages.ownAnswer(type, answer, guard.answer(type, members));
        });
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

  /** Notes whom Atomix lists now. */
  void listed(Set<String> ids) {
    guard.listed(ids);
  }

  /** Writes the list of all members, as who asks for it at its start gets it. */
  CompletableFuture<byte[]> list() {
    return lists.get();
  }

  /**
   * Takes a list of members, and of it those that are said to be alive, as news: who is suspect or dead,
   * members find out in other ways.
   */
  void hear(byte[] list) {
    List<Optional<Told>> members = SwimMessages.readAnswer(SwimMessages.SYNC, list);
    hears.accept(guard.answer(SwimMessages.SYNC, members).stream()
        .filter(one -> one.filter(told -> told.state() == State.ALIVE).isPresent())
        .toList());
  }

  private static HostPort hostPort(Address address) {
    return new HostPort(address.host(), address.port());
  }

  private static Address addressOf(Peer peer) {
    return Address.from(peer.address().host(), peer.address().port());
  }

  /** Reads and checks a message before Atomix gets it. */
  private byte[] checked(String type, Peer from, byte[] message) {
    List<Optional<Told>> members = SwimMessages.readQuestion(type, message);
    return messages.question(type, guard.question(type, from, members));
  }

  @Override
  public void registerHandler(String type, BiConsumer<Address, byte[]> handler, Executor executor) {
    if (type.equals(SwimMessages.NEWS)) {
      hears = members ->
          executor.execute(() -> handler.accept(address, messages.question(type, members)));
    }
    serve(
        type,
        (from, payload) -> CompletableFuture.supplyAsync(
            () -> {
              handler.accept(addressOf(from), checked(type, from, payload));
              return new byte[0];
            },
            executor));
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], byte[]> handler, Executor executor) {
    if (type.equals(SwimMessages.SYNC)) {
      // What it is told of itself, and is not news, Atomix does not heed.
      lists = () -> CompletableFuture.supplyAsync(
          () -> messages.answer(type, handler.apply(address, messages.question(type, own()))),
          executor);
    }
    serve(
        type,
        (from, payload) -> CompletableFuture.supplyAsync(
            () ->
                messages.answer(type, handler.apply(addressOf(from), checked(type, from, payload))),
            executor));
  }

  @Override
  public void registerHandler(
      String type, BiFunction<Address, byte[], CompletableFuture<byte[]>> handler) {
    serve(type, (from, payload) -> {
      try {
        return handler
            .apply(addressOf(from), checked(type, from, payload))
            .thenApply(answer -> messages.answer(type, answer));
      } catch (N0Exception e) {
        return CompletableFuture.failedFuture(e);
      }
    });
  }

  private List<Optional<Told>> own() {
    Peer self = network.self();
    return List.of(Optional.of(new Told(self.id(), self.address(), State.ALIVE, 0)));
  }

  /** Serves the protocol and nothing else of Atomix's. */
  private void serve(String type, Handler handler) {
    if (SwimMessages.known(type)) {
      network.serve(type, handler);
    }
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
