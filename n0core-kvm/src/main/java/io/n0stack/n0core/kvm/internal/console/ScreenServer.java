package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.ScreenGrant;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A websocket server on the loopback address for those who have a grant. It listens from the first grant on.
 * Thread-safe.
 */
final class ScreenServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ScreenServer.class);
  private static final int TOKEN_BYTES = 32;
  private static final int MOST_CLIENTS = 64;
  private static final int MOST_STRANGERS = 64;
  private static final int LAST_CLIENT_MILLIS = 1000;

  private record Pending(Supplier<SocketChannel> screen, long deadline) {}

  private final SecureRandom random = new SecureRandom();
  private final Map<String, Pending> grants = new HashMap<>();
  private final Set<Socket> clients = ConcurrentHashMap.newKeySet();
  // In the order in which they came; guarded by itself.
  private final Set<Socket> strangers = new LinkedHashSet<>();
  private @Nullable ServerSocket listener;
  private @Nullable Thread acceptor;
  private boolean closed;

  synchronized ScreenGrant grant(Supplier<SocketChannel> screen, Duration validity) {
    if (closed) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "screen", "grant a screen: the driver is closed");
    }
    long now = System.nanoTime();
    grants.values().removeIf(grant -> grant.deadline() - now <= 0);
    byte[] secret = new byte[TOKEN_BYTES];
    random.nextBytes(secret);
    String token = Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
    URI uri = URI.create("ws://127.0.0.1:" + port() + "/" + token);
    grants.put(token, new Pending(screen, now + validity.toNanos()));
    return new ScreenGrant(uri, Instant.now().plus(validity));
  }

  private int port() {
    ServerSocket socket = listener;
    if (socket == null) {
      try {
        socket = new ServerSocket();
        socket.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0));
      } catch (IOException e) {
        throw DurableFiles.failure("screen", "listen on 127.0.0.1", e);
      }
      listener = socket;
      ServerSocket accepting = socket;
      acceptor = start("n0core-screens", () -> accept(accepting));
    }
    return socket.getLocalPort();
  }

  private static Thread start(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void accept(ServerSocket socket) {
    while (!socket.isClosed()) {
      try {
        Socket client = socket.accept();
        makeRoom(client);
        Thread unused = start("n0core-screen-" + client.getPort(), () -> serve(client));
      } catch (IOException e) {
        LOG.debug("accept a screen's client: {}", e.toString()); // it is closed, or the client was
      }
    }
  }

  /** Who has not shown a grant yet keeps nobody out: the one that came first has to go. */
  private void makeRoom(Socket client) {
    synchronized (strangers) {
      if (strangers.size() >= MOST_STRANGERS) {
        Socket first = strangers.iterator().next();
        strangers.remove(first);
        close(first);
      }
      strangers.add(client);
    }
  }

  private void serve(Socket client) {
    try (client) {
      WebSocket socket = WebSocket.accept(client, token -> redeem(client, token));
      socket.serve();
    } catch (IOException | N0Exception e) {
      LOG.debug("a screen's client: {}", e.toString());
    } finally {
      clients.remove(client);
      forget(client);
    }
  }

  private void forget(Socket client) {
    synchronized (strangers) {
      strangers.remove(client);
    }
  }

  /** Uses up a grant, unless too many have a screen already. */
  private synchronized Optional<Supplier<SocketChannel>> redeem(Socket client, String token) {
    Pending grant = grants.get(token);
    if (grant == null
        || grant.deadline() - System.nanoTime() <= 0
        || clients.size() >= MOST_CLIENTS
        || closed) {
      return Optional.empty();
    }
    grants.remove(token);
    clients.add(client);
    forget(client);
    return Optional.of(grant.screen());
  }

  @Override
  public void close() {
    Thread accepting;
    ServerSocket socket;
    synchronized (this) {
      closed = true;
      grants.clear();
      accepting = acceptor;
      socket = listener;
    }
    if (socket != null && accepting != null) {
      close(socket);
      awaitEnd(accepting); // until then the kernel lets clients in
    }
    List.copyOf(clients).forEach(ScreenServer::close);
    synchronized (strangers) {
      strangers.forEach(ScreenServer::close);
    }
  }

  private static void close(Closeable each) {
    try {
      each.close();
    } catch (IOException e) {
      LOG.debug("close {}: {}", each, e.toString());
    }
  }

  private static void awaitEnd(Thread thread) {
    try {
      thread.join(LAST_CLIENT_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
