package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.MigrationAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/**
 * A way for the bytes of a migration that can be blocked, as by a network that drops all: then what was sent is neither
 * taken nor refused.
 */
final class Strait implements AutoCloseable {
  static final long ALL = Long.MAX_VALUE;
  private static final int CHUNK = 4096;

  private final ServerSocketChannel server;
  private final SocketAddress to;
  private final List<SocketChannel> ends = new CopyOnWriteArrayList<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private long left;

  private Strait(SocketAddress from, MigrationAddress to, long most) throws IOException {
    this.to = to instanceof MigrationAddress.Tcp tcp
        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), tcp.port())
        : UnixDomainSocketAddress.of(((MigrationAddress.Unix) to).path());
    left = most;
    server = from instanceof InetSocketAddress
        ? ServerSocketChannel.open()
        : ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    if (from instanceof InetSocketAddress && most < ALL) {
      // Or the kernel would take megabytes before anybody is blocked.
      server.setOption(StandardSocketOptions.SO_RCVBUF, CHUNK);
    }
    server.bind(from);
    run(this::serve);
  }

  /** Leads from a Unix socket; blocks by itself once so many bytes have passed. */
  static Strait unix(Path from, MigrationAddress to, long most) throws IOException {
    return new Strait(UnixDomainSocketAddress.of(from), to, most);
  }

  /** Leads from a port; blocks by itself once so many bytes have passed. */
  static Strait tcp(MigrationAddress to, long most) throws IOException {
    return new Strait(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), to, most);
  }

  MigrationAddress address() {
    try {
      SocketAddress from = server.getLocalAddress();
      return from instanceof InetSocketAddress inet
          ? new MigrationAddress.Tcp("127.0.0.1", inet.getPort())
          : new MigrationAddress.Unix(((UnixDomainSocketAddress) from).getPath());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized void block() {
    left = 0;
  }

  synchronized boolean blocked() {
    return left == 0;
  }

  private synchronized boolean passes(int count) {
    left = Math.max(0, left - count);
    return left > 0;
  }

  private void serve() throws IOException {
    while (true) {
      SocketChannel near = server.accept();
      SocketChannel far = SocketChannel.open(to);
      ends.addAll(List.of(near, far));
      run(() -> pump(near, far));
      run(() -> pump(far, near));
    }
  }

  private void pump(SocketChannel from, SocketChannel into) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
    while (from.read(buffer) >= 0) {
      buffer.flip();
      if (!passes(buffer.remaining())) {
        awaitEnd();
        return;
      }
      while (buffer.hasRemaining()) {
        int unused = into.write(buffer);
      }
      buffer.clear();
    }
    into.shutdownOutput();
  }

  private void awaitEnd() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private interface Body {
    void run() throws IOException;
  }

  private static void run(Body body) {
    Thread thread = new Thread(
        () -> {
          try {
            body.run();
          } catch (IOException e) {
            return; // one of its ends is gone
          }
        },
        "strait");
    thread.setDaemon(true);
    thread.start();
  }

  /** Ends the connections: what waits for them learns of it. */
  @Override
  public void close() {
    try {
      server.close();
      for (SocketChannel end : ends) {
        end.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    closed.countDown();
  }
}
