package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Connects to the sockets that QEMU gives a machine's ports. */
final class UnixChannels {
  private static final int RETRY_MILLIS = 20;

  private UnixChannels() {}

  /** Connects a blocking channel, which the caller closes. */
  static SocketChannel open(String operation, ResourceId id, Path socket, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      try {
        return open(socket);
      } catch (IOException e) {
        if (System.nanoTime() >= end) {
          throw new N0Exception(
              N0Exception.Code.UNAVAILABLE,
              id.toString(),
              operation + " of " + id + ": " + e.getMessage(),
              e);
        }
        Pauses.pause(operation + " of " + id, RETRY_MILLIS);
      }
    }
  }

  private static SocketChannel open(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    boolean connected = false;
    try {
      channel.configureBlocking(false); // connect(2) would wait while the backlog is full
      connected = GuardedFiles.connect(channel, socket);
      if (!connected) {
        throw new IOException("others are waiting for it");
      }
      channel.configureBlocking(true);
      return channel;
    } finally {
      if (!connected) {
        channel.close();
      }
    }
  }
}
