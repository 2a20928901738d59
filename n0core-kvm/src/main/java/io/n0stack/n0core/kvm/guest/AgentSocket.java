package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Unix stream socket that never waits beyond a deadline of {@link System#nanoTime}. */
final class AgentSocket implements AgentStream, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AgentSocket.class);
  private static final int RETRY_MILLIS = 5;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;

  private AgentSocket(SocketChannel channel) throws IOException {
    this.channel = channel;
    channel.configureBlocking(false);
    selector = Selector.open();
    key = channel.register(selector, 0);
  }

  /** Connects; retries while the listener's backlog is full, since connect(2) would block then. */
  static AgentSocket connect(Path socket, Duration timeout) {
    String subject = "guest agent \"" + socket + "\"";
    String operation = "connect to " + subject;
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      while (true) {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        boolean connected = false;
        try {
          channel.configureBlocking(false);
          connected = GuardedFiles.connect(channel, socket);
          if (connected) {
            return new AgentSocket(channel);
          }
        } finally {
          if (!connected) {
            channel.close();
          }
        }
        if (System.nanoTime() >= deadline) {
          throw new OperationTimeoutException(operation, timeout);
        }
        TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
      }
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, subject, operation + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  @Override
  public int read(ByteBuffer into, long deadline) throws IOException {
    while (true) {
      int count = channel.read(into);
      if (count != 0 || !ready(SelectionKey.OP_READ, deadline)) {
        return count;
      }
    }
  }

  @Override
  public boolean write(ByteBuffer bytes, long deadline) throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.write(bytes) == 0 && !ready(SelectionKey.OP_WRITE, deadline)) {
        return false;
      }
    }
    return true;
  }

  private boolean ready(int operation, long deadline) throws IOException {
    try {
      key.interestOps(operation);
      while (true) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        selector.select(TimeUnit.NANOSECONDS.toMillis(left) + 1);
        if (Thread.currentThread().isInterrupted()) {
          channel.close();
          throw new ClosedByInterruptException();
        }
        if (selector.selectedKeys().remove(key)) {
          return true;
        }
      }
    } catch (CancelledKeyException | ClosedSelectorException e) {
      throw new IOException("the connection was closed here", e);
    }
  }

  /** Wakes whoever waits and frees the descriptor. Idempotent. */
  @Override
  public void close() {
    try {
      selector.close();
      channel.close();
    } catch (IOException e) {
      LOG.debug("close a guest agent's socket: {}", e.toString());
    }
  }
}
