package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import jnr.constants.platform.Errno;
import jnr.constants.platform.Fcntl;
import jnr.posix.CmsgHdr;
import jnr.posix.MsgHdr;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A Unix stream socket. */
final class UnixTransport implements Transport {
  private static final Logger LOG = LoggerFactory.getLogger(UnixTransport.class);
  private static final POSIX LIBC = POSIXFactory.getNativePOSIX();
  private static final int FD_CLOEXEC = 1; // fcntl.h
  private static final int SOL_SOCKET = 1; // asm-generic/socket.h
  private static final int SCM_RIGHTS = 1; // linux/socket.h
  private static final int SEND_TIMEOUT_MILLIS = 5_000;
  private static final int RETRY_MILLIS = 5;

  private final UnixSocketChannel channel;

  private UnixTransport(UnixSocketChannel channel) {
    this.channel = channel;
  }

  /** Connects; retries while the listener's backlog is full, since connect(2) would block then. */
  static UnixTransport connect(Path socket, Duration timeout) {
    String operation = "connect to monitor \"" + socket + "\"";
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      while (true) {
        UnixSocketChannel channel = UnixSocketChannel.open();
        boolean connected = false;
        try {
          LIBC.fcntlInt(channel.getFD(), Fcntl.F_SETFD, FD_CLOEXEC);
          channel.configureBlocking(false);
          connected = channel.connect(new UnixSocketAddress(socket.toFile()));
          if (connected) {
            channel.configureBlocking(true);
            channel.setOption(UnixSocketOptions.SO_SNDTIMEO, SEND_TIMEOUT_MILLIS);
            return new UnixTransport(channel);
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
          N0Exception.Code.UNAVAILABLE,
          "monitor \"" + socket + "\"",
          operation + ": " + e.getMessage(),
          e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    return channel.read(into);
  }

  @Override
  public void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.write(bytes) == 0) {
        throw new IOException("the monitor took no bytes for " + SEND_TIMEOUT_MILLIS + " ms");
      }
    }
  }

  @Override
  public void write(ByteBuffer bytes, int descriptor) throws IOException {
    MsgHdr message = LIBC.allocateMsgHdr();
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.remaining()); // native code reads no other
    message.setIov(new ByteBuffer[] {direct.put(bytes.duplicate()).flip()});
    CmsgHdr control = message.allocateControl(Integer.BYTES);
    control.setLevel(SOL_SOCKET);
    control.setType(SCM_RIGHTS);
    ByteBuffer data = ByteBuffer.allocateDirect(Integer.BYTES).order(ByteOrder.nativeOrder());
    data.putInt(descriptor).flip();
    control.setData(data);
    int sent = LIBC.sendmsg(channel.getFD(), message, 0);
    if (sent <= 0) {
      throw new IOException("send a descriptor: " + Errno.valueOf(LIBC.errno()));
    }
    bytes.position(bytes.position() + sent);
    write(bytes);
  }

  @Override
  public void shutdown() {
    try {
      channel.shutdownInput();
      channel.shutdownOutput();
    } catch (IOException e) {
      LOG.debug("shut down a monitor's socket: {}", e.toString()); // the other side was first
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("close a monitor's socket: {}", e.toString());
    }
  }
}
