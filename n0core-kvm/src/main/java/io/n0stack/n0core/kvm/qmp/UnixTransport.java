package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.LibC;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * A Unix stream socket, used without blocking: who waits, waits in poll(2) and no longer than asked. It
 * is not inherited by programs that are started (SOCK_CLOEXEC). See unix(7).
 */
final class UnixTransport implements Transport {
  private static final LibC C = LibC.INSTANCE;
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();
  // sys/socket.h, bits/socket.h, fcntl.h, poll.h
  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int SHUT_RDWR = 2;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int SO_PEERCRED = 17; // asm-generic/socket.h
  private static final int UCRED_BYTES = 12; // struct ucred: pid, uid, gid
  private static final int F_GETFD = 1;
  private static final short POLLIN = 1;
  private static final short POLLOUT = 4;
  private static final int SUN_PATH_BYTES = 107; // without the final zero, sys/un.h
  private static final int IN_BYTES = 1 << 15;
  private static final int OUT_BYTES = 1 << 12;
  private static final int RETRY_MILLIS = 5;

  private final String socket;
  private final int fd;
  private final Half in = new Half(POLLIN, IN_BYTES);
  private final Half out = new Half(POLLOUT, OUT_BYTES);
  private boolean closed;

  private UnixTransport(String socket, int fd) {
    this.socket = socket;
    this.fd = fd;
    in.memory.putInt(Half.POLL_FD, fd);
    out.memory.putInt(Half.POLL_FD, fd);
  }

  /** What a reader or a writer needs for its system calls, apart from the other's. */
  private static final class Half {
    static final int MESSAGE = 0; // struct msghdr, 56 bytes, sys/socket.h
    static final int VECTOR = 56; // struct iovec, 16 bytes
    static final int CONTROL = 72; // struct cmsghdr and one descriptor, 24 bytes
    static final int POLL_FD = 96; // struct pollfd, 8 bytes, poll.h
    static final int DATA = 104;
    final ByteBuffer memory;
    final long address;
    boolean ready = true;

    Half(short events, int size) {
      memory = ByteBuffer.allocateDirect(DATA + size).order(ByteOrder.nativeOrder());
      address = Pointer.wrap(RUNTIME, memory).address();
      memory.putShort(POLL_FD + 4, events);
    }
  }

  /** Loads what a first use would have to: that takes a busy host a second, and is no monitor's fault. */
  static void load() {
    describe(Errno.EAGAIN.intValue());
    isOpen(0);
    new Half(POLLIN, 0);
  }

  /** Connects; retries while the listener's backlog is full, since connect(2) would block then. */
  static UnixTransport connect(Path path, Duration timeout, Optional<Long> server) {
    String operation = "connect to monitor \"" + path + "\"";
    long end = System.nanoTime() + timeout.toNanos();
    byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
    if (name.length > SUN_PATH_BYTES) {
      throw N0Exception.invalid(
          "socket", path, "must be at most " + SUN_PATH_BYTES + " bytes long, as unix(7) says");
    }
    try {
      while (true) {
        UnixTransport transport = open(path.toString(), operation);
        int errno = transport.connectTo(name);
        if (errno == 0) {
          transport.requireServer(server, operation);
          return transport;
        }
        transport.close();
        boolean full = errno == Errno.EAGAIN.intValue();
        if (!full || System.nanoTime() >= end) {
          throw new N0Exception(
              full ? N0Exception.Code.BUSY : N0Exception.Code.UNAVAILABLE,
              "monitor \"" + path + "\"",
              operation + ": " + (full ? "busy: others wait for it, too" : describe(errno)));
        }
        TimeUnit.MILLISECONDS.sleep(RETRY_MILLIS);
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  /** The kernel keeps who made the socket listen. One in a PID namespace that is not ours has no number. */
  private void requireServer(Optional<Long> server, String operation) {
    in.memory.putInt(Half.DATA, 0).putInt(Half.MESSAGE, UCRED_BYTES);
    int result = C.getsockopt(
        fd, SOL_SOCKET, SO_PEERCRED, in.address + Half.DATA, in.address + Half.MESSAGE);
    int errno = result == 0 ? 0 : errno();
    int pid = in.memory.getInt(Half.DATA);
    if (server.isPresent() && (errno != 0 || (pid != 0 && pid != server.get()))) {
      close();
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "monitor \"" + socket + "\"",
          operation + ": "
              + (errno != 0
                  ? describe(errno)
                  : "it is served by process " + pid + " and not by " + server.get()));
    }
  }

  private static UnixTransport open(String socket, String operation) {
    int fd = C.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      throw new N0Exception(
          N0Exception.Code.EXHAUSTED,
          "monitor \"" + socket + "\"",
          operation + ": " + describe(errno()));
    }
    return new UnixTransport(socket, fd);
  }

  private int connectTo(byte[] name) {
    out.memory.putShort(Half.DATA, (short) AF_UNIX); // struct sockaddr_un, sys/un.h
    out.memory.put(Half.DATA + 2, name);
    out.memory.put(Half.DATA + 2 + name.length, (byte) 0);
    return C.connect(fd, out.address + Half.DATA, 2 + name.length + 1) == 0 ? 0 : errno();
  }

  @Override
  public int read(byte[] into, int offset, int length, long timeoutNanos) throws IOException {
    // After a full buffer there is more; else it is cheaper to wait first.
    if (!in.ready && !await(in, timeoutNanos)) {
      return 0;
    }
    int most = Math.min(length, IN_BYTES);
    long count = C.recv(fd, in.address + Half.DATA, most, MSG_DONTWAIT);
    if (count < 0) {
      in.ready = false;
      return retry(errno()) ? 0 : fail("read", errno());
    }
    in.ready = count == most;
    if (count == 0) {
      return -1;
    }
    in.memory.get(Half.DATA, into, offset, (int) count);
    return (int) count;
  }

  @Override
  public int write(byte[] bytes, int offset, int length, int descriptor, long timeoutNanos)
      throws IOException {
    int size = Math.min(length, OUT_BYTES);
    out.memory.put(Half.DATA, bytes, offset, size);
    long end = System.nanoTime() + timeoutNanos;
    while (true) {
      long count = descriptor == NONE
          ? C.send(fd, out.address + Half.DATA, size, MSG_DONTWAIT | MSG_NOSIGNAL)
          : C.sendmsg(fd, message(size, descriptor), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) {
        return (int) count;
      }
      int errno = errno();
      if (!retry(errno)) {
        return fail("write", errno);
      }
      long left = end - System.nanoTime();
      if (left <= 0 || !await(out, left)) {
        return 0;
      }
    }
  }

  private long message(int size, int descriptor) {
    ByteBuffer memory = out.memory;
    memory.putLong(Half.MESSAGE, 0).putInt(Half.MESSAGE + 8, 0);
    memory.putLong(Half.MESSAGE + 16, out.address + Half.VECTOR).putLong(Half.MESSAGE + 24, 1);
    memory.putLong(Half.MESSAGE + 32, out.address + Half.CONTROL).putLong(Half.MESSAGE + 40, 24);
    memory.putInt(Half.MESSAGE + 48, 0);
    memory.putLong(Half.VECTOR, out.address + Half.DATA).putLong(Half.VECTOR + 8, size);
    memory.putLong(Half.CONTROL, 20); // cmsg_len: without the padding
    memory.putInt(Half.CONTROL + 8, SOL_SOCKET).putInt(Half.CONTROL + 12, SCM_RIGHTS);
    memory.putInt(Half.CONTROL + 16, descriptor).putInt(Half.CONTROL + 20, 0);
    return out.address + Half.MESSAGE;
  }

  private boolean await(Half half, long timeoutNanos) throws IOException {
    int millis = timeoutNanos < 0
        ? -1
        : (int) Math.min(Integer.MAX_VALUE, (timeoutNanos + 999_999) / 1_000_000);
    int count = C.poll(half.address + Half.POLL_FD, 1, millis);
    if (count < 0 && !retry(errno())) {
      fail("poll", errno());
    }
    return count > 0;
  }

  /** Tells whether a number is an open descriptor of this process. */
  static boolean isOpen(int descriptor) {
    return descriptor >= 0 && C.fcntl(descriptor, F_GETFD, 0) >= 0;
  }

  private static boolean retry(int errno) {
    return errno == Errno.EAGAIN.intValue() || errno == Errno.EINTR.intValue();
  }

  private static int errno() {
    return LastError.getLastError(RUNTIME);
  }

  private int fail(String call, int errno) throws IOException {
    throw new IOException(call + " \"" + socket + "\": " + describe(errno));
  }

  private static String describe(int errno) {
    Errno symbol = Errno.valueOf(errno);
    return symbol.description() + " (" + symbol.name() + ")";
  }

  @Override
  public void shutdown() {
    C.shutdown(fd, SHUT_RDWR); // fails only if the other side was first
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      C.close(fd);
    }
  }
}
