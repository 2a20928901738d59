package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.Client;
import io.n0stack.n0core.api.N0Exception;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.time.Duration;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The client of jetcd that is in use. gRPC waits up to two minutes between two tries to connect, the longer the more
 * have failed, and jetcd has no way to hurry it: once etcd is back after a while, nobody would be served for long.
 * So a client that reaches nobody is replaced, at most once a second, by one that has not failed yet. Thread-safe.
 */
final class EtcdConnection implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EtcdConnection.class);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final Supplier<Client> maker;
  private Client client;
  private long madeNanos = System.nanoTime();
  private boolean closed;

  /** Makes the first client; they connect when they are used. */
  EtcdConnection(Supplier<Client> maker) {
    this.maker = maker;
    this.client = maker.get();
  }

  synchronized Client client() {
    return client;
  }

  /** Tells whether a call has failed because no connection could be made, so that nobody has got it. */
  static boolean neverSent(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException || cause instanceof NoRouteToHostException) {
        return true;
      }
    }
    return false;
  }

  /** Notes that a client has failed to connect to any member; if it is in use, another takes its place. */
  void unreachable(Client which) {
    Client old;
    synchronized (this) {
      if (closed || which != client || System.nanoTime() - madeNanos < PAUSE.toNanos()) {
        return;
      }
      madeNanos = System.nanoTime();
      try {
        old = client;
        client = maker.get();
      } catch (N0Exception e) {
        LOG.warn("etcd is not reached, and no new connection can be prepared: {}", e.getMessage());
        return;
      }
    }
    old.close();
  }

  @Override
  public void close() {
    Client last;
    synchronized (this) {
      closed = true;
      last = client;
    }
    last.close();
  }
}
