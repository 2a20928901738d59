package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.LibC;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * A TCP connection that is made here and then given to a QEMU, in whose network namespace it is. A QEMU that connects by
 * itself to what does not answer cannot be told to give up for the two minutes that the kernel tries, and does nothing
 * else meanwhile if it is for a disk. See tcp(7), connect(2), setns(2).
 */
final class Dialed implements AutoCloseable {
  private static final LibC C = LibC.INSTANCE;
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();
  // sys/socket.h, bits/socket.h, fcntl.h, poll.h, sched.h
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOL_SOCKET = 1;
  private static final int SO_ERROR = 4;
  private static final int F_SETFL = 4;
  private static final int O_RDONLY_CLOEXEC = 0x80000;
  private static final short POLLOUT = 4;
  private static final int CLONE_NEWNET = 0x40000000;
  // struct sockaddr_in6 is 28 bytes, struct sockaddr_in 16, netinet/in.h; struct pollfd, poll.h
  private static final int ADDRESS6_BYTES = 28;
  private static final int ADDRESS4_BYTES = 16;
  private static final int POLL = 32;
  private static final int BYTES = 48;
  private static final int LOOK_MILLIS = 20;

  private final int descriptor;
  private boolean closed;

  private Dialed(int descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Connects.
   *
   * @param cx progress, cancellation, deadline
   * @param to where to; of a name's addresses the first that answers
   * @param process whose network namespace it is in
   * @param most how long it may take, of what the operation has left
   * @throws N0Exception UNAVAILABLE if it is refused, or nobody answers; CANCELLED or UNAVAILABLE as the context says
   */
  static Dialed dial(Context cx, MigrationAddress.Tcp to, long process, Duration most) {
    String operation = "connect to " + Sender.bracketed(to.host()) + ":" + to.port();
    InetAddress[] addresses;
    try {
      addresses = InetAddress.getAllByName(to.host());
    } catch (UnknownHostException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, to.host(), operation + ": the name is not known", e);
    }
    // One that does not answer leaves the others their part of the time.
    Duration share = Limits.least(most, cx.remaining()).dividedBy(addresses.length);
    N0Exception failure = null;
    for (InetAddress address : addresses) {
      Dialed dialed = socket(operation, address, process);
      try {
        dialed.connect(cx, operation, address, to.port(), share);
        return dialed;
      } catch (N0Exception e) {
        dialed.close();
        if (e.code() != N0Exception.Code.UNAVAILABLE || cx.remaining().isZero()) {
          throw e;
        }
        failure = e;
      }
    }
    throw failure == null ? new IllegalStateException(operation) : failure;
  }

  /** Has QEMU use the connection, by a name that it knows only during that. */
  void lend(Monitor monitor, String name, Runnable use) {
    monitor.execute("getfd", Map.of("fdname", name), descriptor);
    try {
      use.run();
    } catch (QmpException e) {
      forget(monitor, name, e);
      throw e;
    }
  }

  private static void forget(Monitor monitor, String name, QmpException why) {
    try {
      monitor.execute("closefd", Map.of("fdname", name));
    } catch (QmpException e) {
      why.addSuppressed(e); // it was taken before the command failed
    }
  }

  private void connect(Context cx, String operation, InetAddress address, int port, Duration most) {
    ByteBuffer memory = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
    long at = Pointer.wrap(RUNTIME, memory).address();
    int length = fill(memory, address, port);
    long end = System.nanoTime() + most.toNanos();
    if (C.connect(descriptor, at, length) != 0) {
      int errno = errno();
      if (errno != Errno.EINPROGRESS.intValue()) {
        throw failure(operation, errno);
      }
      memory.putInt(POLL, descriptor).putShort(POLL + 4, POLLOUT);
      while (C.poll(at + POLL, 1, LOOK_MILLIS) <= 0) {
        if (Thread.currentThread().isInterrupted()) {
          throw N0Exception.interrupted(operation, new InterruptedException());
        }
        if (System.nanoTime() > end) {
          throw new N0Exception(
              N0Exception.Code.UNAVAILABLE,
              operation,
              operation + ": no answer for " + Pulse.seconds(most) + " s");
        }
        cx.progress(0, operation);
      }
      requireConnected(operation, memory, at);
    }
    C.fcntl(descriptor, F_SETFL, 0); // QEMU expects a socket that blocks
  }

  private void requireConnected(String operation, ByteBuffer memory, long at) {
    memory.putInt(0, 0).putInt(4, Integer.BYTES);
    int errno = C.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, at, at + 4) == 0
        ? memory.getInt(0)
        : errno();
    if (errno != 0) {
      throw failure(operation, errno);
    }
  }

  private static int fill(ByteBuffer memory, InetAddress address, int port) {
    boolean six = address instanceof Inet6Address;
    memory.putShort(0, (short) (six ? AF_INET6 : AF_INET));
    memory.put(2, (byte) (port >> 8)).put(3, (byte) port);
    memory.put(six ? 8 : 4, address.getAddress());
    if (address instanceof Inet6Address scoped) {
      memory.putInt(24, scoped.getScopeId());
    }
    return six ? ADDRESS6_BYTES : ADDRESS4_BYTES;
  }

  /** A socket stays in the namespace of the thread that makes it, a thread that went to another is used for nothing else. */
  private static Dialed socket(String operation, InetAddress address, long process) {
    int domain = address instanceof Inet6Address ? AF_INET6 : AF_INET;
    Optional<Path> namespace = otherNamespace(process);
    if (namespace.isEmpty()) {
      return made(operation, domain);
    }
    CompletableFuture<Dialed> made = CompletableFuture.supplyAsync(
        () -> {
          enter(operation, namespace.get());
          return made(operation, domain);
        },
        body -> new Thread(body, "n0core-netns").start());
    try {
      return made.get();
    } catch (InterruptedException e) {
      CompletableFuture<Void> unused = made.thenAccept(Dialed::close);
      throw N0Exception.interrupted(operation, e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof N0Exception ours
          ? ours
          : new N0Exception(N0Exception.Code.INTERNAL, operation, operation + ": " + e, e);
    }
  }

  /** Finds the namespace of a process unless it is this one's, or must not be looked at. */
  private static Optional<Path> otherNamespace(long process) {
    Path theirs = Path.of("/proc", String.valueOf(process), "ns", "net");
    try {
      boolean same = Files.readSymbolicLink(theirs)
          .equals(Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net")));
      return same ? Optional.empty() : Optional.of(theirs);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static void enter(String operation, Path namespace) {
    byte[] path = (namespace + "\0").getBytes(StandardCharsets.UTF_8);
    int file = C.open(path, O_RDONLY_CLOEXEC, 0);
    if (file < 0) {
      throw failure(operation + " from " + namespace, errno());
    }
    try {
      if (C.setns(file, CLONE_NEWNET) != 0) {
        throw failure(operation + " from " + namespace, errno());
      }
    } finally {
      C.close(file);
    }
  }

  private static Dialed made(String operation, int domain) {
    int descriptor = C.socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
      throw failure(operation, errno());
    }
    return new Dialed(descriptor);
  }

  private static N0Exception failure(String operation, int errno) {
    Errno symbol = Errno.valueOf(errno);
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE,
        operation,
        operation + ": " + symbol.description() + " (" + symbol.name() + ")");
  }

  private static int errno() {
    return LastError.getLastError(RUNTIME);
  }

  /** Closes this process's end; QEMU has a duplicate. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      C.close(descriptor);
    }
  }
}
