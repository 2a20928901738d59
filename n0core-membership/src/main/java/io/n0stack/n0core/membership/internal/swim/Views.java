package io.n0stack.n0core.membership.internal.swim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares what members list. Atomix passes news on once and to a few, so that some members miss some,
 * and it never asks again. Now and then this member asks another, by a digest of its list: as long as
 * both list the same that is all that goes over the connection, and the list itself only if they do
 * not. What is in the list is believed as gossip is, and no more.
 */
final class Views {
  /** What the lists are compared with. */
  static final String SUBJECT = "n0core-view";

  private static final Logger LOG = LoggerFactory.getLogger(Views.class);
  private static final int PROBES = 10;

  private final PeerNetwork network;
  private final PeerMessaging messaging;
  private final Duration timeout;
  private final long everyNanos;
  private final LongSupplier clock;
  private long askedNanos;
  private volatile Collection<String> listed = List.of();

  Views(PeerNetwork network, PeerMessaging messaging, Timings timings, LongSupplier clock) {
    this.network = network;
    this.messaging = messaging;
    this.timeout = timings.probeTimeout().multipliedBy(2);
    this.everyNanos = timings.probe().multipliedBy(PROBES).toNanos();
    this.clock = clock;
    this.askedNanos = clock.getAsLong();
  }

  /** Notes whom Atomix lists now. */
  void listed(Collection<String> ids) {
    listed = ids;
  }

  /** Answers nothing to who lists the same, and the list to everybody else. */
  CompletableFuture<byte[]> answer(byte[] theirs) {
    return MessageDigest.isEqual(theirs, digest(listed))
        ? CompletableFuture.completedFuture(new byte[0])
        : messaging.list();
  }

  /** Asks one of these, if it is time; one that this member is connected to, if there is any. */
  void compare(Supplier<Collection<HostPort>> others) {
    long now = clock.getAsLong();
    if (now - askedNanos < everyNanos) {
      return;
    }
    Collection<HostPort> members = others.get();
    if (members.isEmpty()) {
      return;
    }
    askedNanos = now;
    List<HostPort> connected =
        network.connected().stream().filter(members::contains).toList();
    List<HostPort> some = connected.isEmpty() ? List.copyOf(members) : connected;
    HostPort to = some.get(ThreadLocalRandom.current().nextInt(some.size()));
    var unused = network
        .request(to, SUBJECT, digest(listed), timeout)
        .thenAccept(this::hear)
        .whenComplete((done, failure) -> {
          if (failure != null) {
            LOG.debug("{} does not tell whom it lists: {}", to, failure.toString());
          }
        });
  }

  private void hear(byte[] answer) {
    if (answer.length > 0) {
      try {
        messaging.hear(answer);
      } catch (RejectedExecutionException e) {
        LOG.debug("the protocol is stopping", e);
      }
    }
  }

  /** Sums a list up, whatever its order. */
  static byte[] digest(Collection<String> ids) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      ids.stream()
          .sorted()
          .forEach(id -> digest.update((id + "\n").getBytes(StandardCharsets.UTF_8)));
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new N0Exception(Code.INTERNAL, "SHA-256", "this JVM lacks SHA-256", e);
    }
  }
}
