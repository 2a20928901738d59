package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/** Connects to serial ports. */
public final class SerialConsole {
  private static final int RETRY_MILLIS = 20;

  private SerialConsole() {}

  /**
   * Connects to a launch's first serial port.
   *
   * @param id the machine
   * @param run the launch
   * @param limit the time allowed
   * @return a blocking channel, which the caller closes
   * @throws N0Exception UNAVAILABLE if it does not accept a connection
   */
  public static ByteChannel open(ResourceId id, Run run, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      try {
        return open(run);
      } catch (IOException e) {
        if (System.nanoTime() >= end) {
          throw new N0Exception(
              N0Exception.Code.UNAVAILABLE,
              id.toString(),
              "open the console of " + id + ": " + e.getMessage(),
              e);
        }
        Pauses.pause("open the console of " + id, RETRY_MILLIS);
      }
    }
  }

  private static SocketChannel open(Run run) throws IOException {
    SocketChannel channel = SocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    boolean connected = false;
    try {
      channel.configureBlocking(false); // connect(2) would wait while the backlog is full
      connected = channel.connect(UnixDomainSocketAddress.of(run.serial()));
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
