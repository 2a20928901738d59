package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * An open descriptor of {@code /dev/net/tun}: the queue of a tap, once it is attached to one.
 *
 * <p>Thread-safe. Reading, writing, waiting and control each have a lock of their own, so that none
 * waits for another; closing takes all of them, because the number of a closed descriptor may be
 * another file's at once.
 */
public final class TunDevice implements AutoCloseable {
  /** The largest frame that is read or written, with its header: what the kernel segments, and room. */
  public static final int LARGEST_FRAME = 128 * 1024;

  private static final LibC C = LibC.INSTANCE;
  private static final String DEVICE = "/dev/net/tun";
  private static final int OPEN_FLAGS = 0x2 | 0x800 | 0x80000; // O_RDWR, O_NONBLOCK, O_CLOEXEC
  private static final int EFD_FLAGS = 0x800 | 0x80000; // the same numbers, sys/eventfd.h
  private static final long TUNSETIFF = 0x400454caL; // linux/if_tun.h
  private static final long TUNGETIFF = 0x800454d2L;
  private static final long TUNSETQUEUE = 0x400454d9L;
  private static final long TUNGETDEVNETNS = 0x54e3L;
  private static final long SIOCGSKNS = 0x894cL; // linux/sockios.h
  private static final long SIOCSIFMTU = 0x8922L;
  private static final int IFF_ATTACH_QUEUE = 0x200;
  private static final int IFF_DETACH_QUEUE = 0x400;
  private static final int IFREQ = 40; // struct ifreq, linux/if.h
  private static final int IFNAMSIZ = 16;
  private static final int AF_UNIX = 1; // bits/socket.h
  private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
  private static final int EBADFD = 77; // asm-generic/errno.h
  private static final int CLOSED = -1;
  private static final int POLLED = 16; // two struct pollfd, poll.h
  private static final int WOKEN = 14; // revents of the second
  private static final int EVENT = 16; // where the counter lies behind them
  private static final int SMALLEST_BOUNCE = 2048;
  private static final long LONGEST_SLEEP = TimeUnit.MILLISECONDS.toNanos(200);

  private final ReentrantLock control = new ReentrantLock();
  private final ReentrantLock waiting = new ReentrantLock();
  private final ReentrantLock reading = new ReentrantLock();
  private final ReentrantLock writing = new ReentrantLock();
  private final NativeBuffer request = NativeBuffer.allocate(IFREQ);
  private final String subject;
  private final int fd;
  private ByteBuffer readBounce = ByteBuffer.allocate(0);
  private ByteBuffer writeBounce = ByteBuffer.allocate(0);
  private final Place readPlace = new Place();
  private final Place writePlace = new Place();
  private volatile int wake = -1;
  private volatile boolean attached;
  private volatile boolean closed;

  /**
   * Where the direct buffer lies that was used last: to look that up for each frame costs as much as
   * all else that is not the kernel's. Keeps the buffer reachable; used under the lock of its direction.
   */
  private static final class Place {
    private @Nullable ByteBuffer buffer;
    private long address;

    /** Returns the address of its first byte once it is used again, else 0: that allocates. */
    @SuppressWarnings("ReferenceEquality") // equal contents lie elsewhere
    long of(ByteBuffer used) {
      if (used != buffer) {
        buffer = used;
        address = 0;
      } else if (address == 0) {
        address = new NativeBuffer(used).address();
      }
      return address;
    }
  }

  private TunDevice(String subject, int fd) {
    this.subject = subject;
    this.fd = fd;
  }

  /**
   * Opens the device in the network namespace of the calling thread.
   *
   * @param subject what it is going to be, for messages
   * @return the device, not attached, which the caller closes
   * @throws OsException if the kernel refuses
   */
  public static TunDevice open(String subject) {
    return new TunDevice(subject, SystemCalls.open(DEVICE, OPEN_FLAGS));
  }

  /**
   * Attaches this to a link, which is created if there is none of the name.
   *
   * @param what what is attempted, for messages
   * @param name the link
   * @param flags {@code IFF_} flags as in {@code linux/if_tun.h}
   * @throws OsException if the kernel refuses
   */
  public void setInterface(String what, String name, int flags) {
    control.lock();
    try {
      SystemCalls.putName(request, 0, IFNAMSIZ, name);
      request.bytes().putShort(IFNAMSIZ, (short) flags);
      ioctl(what, TUNSETIFF, request);
      attached = true;
    } finally {
      control.unlock();
    }
  }

  /**
   * Asks for the flags of the link that this is attached to.
   *
   * @param what what is attempted, for messages
   * @return {@code IFF_} flags
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int flags(String what) {
    control.lock();
    try {
      ioctl(what, TUNGETIFF, request);
      return Short.toUnsignedInt(request.bytes().getShort(IFNAMSIZ));
    } finally {
      control.unlock();
    }
  }

  /**
   * Asks for the name that the link has now.
   *
   * @param what what is attempted, for messages
   * @return the name
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public String name(String what) {
    control.lock();
    try {
      ioctl(what, TUNGETIFF, request);
      byte[] name = new byte[IFNAMSIZ];
      request.bytes().get(0, name);
      int length = 0;
      while (length < IFNAMSIZ && name[length] != 0) {
        length++;
      }
      return new String(name, 0, length, StandardCharsets.UTF_8);
    } finally {
      control.unlock();
    }
  }

  /**
   * Gives the kernel a number.
   *
   * @param what what is attempted, for messages
   * @param number the request's number, one that takes its argument by value
   * @param value the argument
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void set(String what, long number, long value) {
    control.lock();
    try {
      requireOpen();
      checked(C.ioctl(fd, number, value), what);
    } finally {
      control.unlock();
    }
  }

  /**
   * Gives the kernel a number in memory.
   *
   * @param what what is attempted, for messages
   * @param number the request's number, one that takes the address of its argument
   * @param value the argument
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void setInMemory(String what, long number, int value) {
    control.lock();
    try {
      request.bytes().putInt(0, value);
      ioctl(what, number, request);
    } finally {
      control.unlock();
    }
  }

  /**
   * Asks the kernel for a number.
   *
   * @param what what is attempted, for messages
   * @param number the request's number
   * @return the answer
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int get(String what, long number) {
    control.lock();
    try {
      ioctl(what, number, request);
      return request.bytes().getInt(0);
    } finally {
      control.unlock();
    }
  }

  /**
   * Lets the link use this queue again, if it does not.
   *
   * @param what what is attempted, for messages
   * @throws OsException if the kernel refuses
   */
  public void attach(String what) {
    setQueue(what, IFF_ATTACH_QUEUE);
  }

  /**
   * Lets the link use its other queues only, if it uses this one; whoever waits for a frame wakes.
   *
   * @param what what is attempted, for messages
   * @throws OsException if the kernel refuses
   */
  public void detach(String what) {
    setQueue(what, IFF_DETACH_QUEUE);
  }

  private void setQueue(String what, int flag) {
    boolean wanted = flag == IFF_ATTACH_QUEUE;
    control.lock();
    try {
      requireOpen();
      if (attached != wanted) {
        request.bytes().putShort(IFNAMSIZ, (short) flag);
        ioctl(what, TUNSETQUEUE, request);
        attached = wanted;
        wake();
      }
    } finally {
      control.unlock();
    }
  }

  /**
   * Tells whether the link uses this queue.
   *
   * @return false before it is attached, while it is detached and once it is closed
   */
  public boolean attached() {
    return attached && !closed;
  }

  /**
   * Tells whether this holds its descriptor.
   *
   * @return false once it is closed or released
   */
  public boolean isOpen() {
    return !closed;
  }

  /**
   * Names the network namespace that the link is in now.
   *
   * @param what what is attempted, for messages
   * @return a text that differs from that of every other namespace
   * @throws N0Exception PERMISSION without CAP_NET_ADMIN
   */
  public String linkNamespace(String what) {
    return namespace(what, TUNGETDEVNETNS);
  }

  /**
   * Names the network namespace in which this was opened.
   *
   * @param what what is attempted, for messages
   * @return a text that differs from that of every other namespace
   * @throws N0Exception PERMISSION without CAP_NET_ADMIN
   */
  public String ownNamespace(String what) {
    return namespace(what, SIOCGSKNS);
  }

  private String namespace(String what, long number) {
    control.lock();
    try {
      requireOpen();
      int namespace = checked(C.ioctl(fd, number, 0), what);
      try {
        return Files.readSymbolicLink(Path.of("/proc/self/fd/" + namespace)).toString();
      } catch (IOException e) {
        throw new N0Exception(
            N0Exception.Code.UNAVAILABLE, subject, what + ": cannot read /proc/self/fd", e);
      } finally {
        SystemCalls.close(namespace);
      }
    } finally {
      control.unlock();
    }
  }

  /**
   * Sets the MTU of a link in the network namespace of the calling thread.
   *
   * @param what what is attempted, for messages
   * @param name the link
   * @param bytes the MTU
   * @throws OsException if the kernel refuses
   */
  public static void setMtu(String what, String name, int bytes) {
    int socket = C.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0); // any socket will do, netdevice(7)
    SystemCalls.check(socket, what);
    try {
      NativeBuffer request = NativeBuffer.allocate(IFREQ);
      SystemCalls.putName(request, 0, IFNAMSIZ, name);
      request.bytes().putInt(IFNAMSIZ, bytes);
      SystemCalls.ioctl(what, socket, SIOCSIFMTU, request);
    } finally {
      SystemCalls.close(socket);
    }
  }

  /**
   * Reads one frame, if there is one.
   *
   * @param what what is attempted, for messages
   * @param into takes the frame at its position, which moves on; must have room for a byte or more
   * @return bytes put, or 0 if there is no frame
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone; PRECONDITION if this is detached
   */
  public int read(String what, ByteBuffer into) {
    int got = receive(what, into);
    if (got == CLOSED) {
      requireOpen();
    }
    return got;
  }

  /**
   * Reads one frame, and waits for it.
   *
   * @param what what is attempted, for messages
   * @param into takes the frame at its position, which moves on; must have room for a byte or more
   * @param nanos how long to wait at most
   * @return bytes put, or 0 if there was no frame in that time
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone; PRECONDITION if this is detached; CANCELLED if
   *     it is closed meanwhile or the thread is interrupted
   */
  public int read(String what, ByteBuffer into, long nanos) {
    long deadline = System.nanoTime() + nanos;
    int got = read(what, into);
    if (got > 0) {
      return got;
    }
    try {
      if (!waiting.tryLock(nanos, TimeUnit.NANOSECONDS)) {
        return 0;
      }
      try {
        return receive(what, into, deadline);
      } finally {
        waiting.unlock();
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(what, e);
    }
  }

  private int receive(String what, ByteBuffer into, long deadline) throws InterruptedException {
    NativeBuffer scratch = NativeBuffer.allocate(POLLED + Long.BYTES);
    if (wake < 0 && !closed) {
      int event = C.eventfd(0, EFD_FLAGS);
      SystemCalls.check(event, "open eventfd");
      wake =
          event; // closing sets its mark before it looks here, and we look at the mark after this
    }
    while (true) {
      int got = receive(what, into);
      if (got == CLOSED) {
        throw new N0Exception(
            N0Exception.Code.CANCELLED, subject, what + ": it was closed meanwhile");
      }
      long left = deadline - System.nanoTime();
      if (got > 0 || left <= 0) {
        return got;
      }
      // A thread that is interrupted stays in poll(2).
      long millis = TimeUnit.NANOSECONDS.toMillis(Math.min(left, LONGEST_SLEEP)) + 1;
      if (SystemCalls.poll(fd, wake, (int) millis, scratch)
          && scratch.bytes().getShort(WOKEN) != 0) {
        SystemCalls.transferred(
            C.read(wake, scratch.address() + EVENT, Long.BYTES), "read eventfd");
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private int receive(String what, ByteBuffer into) {
    if (into.isReadOnly()) {
      throw new ReadOnlyBufferException();
    }
    int position = into.position();
    int length = Math.min(into.remaining(), LARGEST_FRAME);
    reading.lock();
    try {
      if (closed) {
        return CLOSED;
      }
      requireAttached(what);
      ByteBuffer direct = into;
      if (!into.isDirect()) {
        readBounce = bounce(readBounce, length);
        direct = readBounce;
      }
      long address = readPlace.of(direct);
      int got = transferred(
          address == 0
              ? C.read(fd, direct, length)
              : C.read(fd, address + direct.position(), length),
          what);
      if (!into.isDirect()) {
        into.put(position, direct, 0, got);
      }
      into.position(position + got);
      return got;
    } finally {
      reading.unlock();
    }
  }

  /**
   * Writes one frame.
   *
   * @param what what is attempted, for messages
   * @param from the frame, from its position to its limit; the position moves there
   * @return bytes written, or 0 if the kernel has no room for it
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone; PRECONDITION if this is detached
   */
  public int write(String what, ByteBuffer from) {
    int position = from.position();
    int length = from.remaining();
    writing.lock();
    try {
      requireOpen();
      requireAttached(what);
      ByteBuffer direct = from;
      if (!from.isDirect()) {
        writeBounce = bounce(writeBounce, length);
        direct = writeBounce.put(0, from, position, length);
      }
      long address = writePlace.of(direct);
      int written = transferred(
          address == 0
              ? C.write(fd, direct, length)
              : C.write(fd, address + direct.position(), length),
          what);
      from.position(position + written);
      return written;
    } finally {
      writing.unlock();
    }
  }

  private static ByteBuffer bounce(ByteBuffer present, int length) {
    return present.capacity() >= length
        ? present
        : ByteBuffer.allocateDirect(Math.max(SMALLEST_BOUNCE, length));
  }

  private int transferred(long rc, String what) {
    if (rc >= 0) {
      return (int) rc;
    }
    int errno = SystemCalls.errno();
    if (errno == Errno.EAGAIN.intValue() || errno == Errno.EINTR.intValue()) {
      return 0;
    }
    throw failure(what, errno);
  }

  private void ioctl(String what, long number, NativeBuffer argument) {
    requireOpen();
    checked(C.ioctl(fd, number, argument.address()), what);
  }

  private int checked(int rc, String what) {
    if (rc < 0) {
      throw failure(what, SystemCalls.errno());
    }
    return rc;
  }

  private N0Exception failure(String what, int errno) {
    OsException cause = SystemCalls.failure(what, errno);
    return errno == EBADFD
        ? new N0Exception(N0Exception.Code.NOT_FOUND, subject, what + ": the link is gone", cause)
        : cause;
  }

  /** The kernel takes frames from a detached queue all the same, and has none for it, silently. */
  private void requireAttached(String what) {
    if (!attached) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION, subject, what + ": the queue is detached");
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException(subject + " is closed");
    }
  }

  private void wake() {
    int event = wake;
    if (event >= 0) {
      request.bytes().putLong(0, 1);
      SystemCalls.write("wake the reader", event, request, Long.BYTES);
    }
  }

  /**
   * Gives the descriptor away; this is closed then.
   *
   * @return the descriptor, still open and attached, which the caller closes; empty if this is closed
   */
  public OptionalInt release() {
    int released = end();
    return released < 0 ? OptionalInt.empty() : OptionalInt.of(released);
  }

  /** Closes the descriptor and wakes whoever waits for a frame. Does nothing the second time. */
  @Override
  public void close() {
    int ended = end();
    if (ended >= 0) {
      SystemCalls.close(ended);
    }
  }

  private int end() {
    control.lock();
    try {
      if (closed) {
        return CLOSED;
      }
      closed = true;
      wake();
      waiting.lock();
      reading.lock();
      writing.lock();
      try {
        if (wake >= 0) {
          SystemCalls.close(wake);
        }
        return fd;
      } finally {
        writing.unlock();
        reading.unlock();
        waiting.unlock();
      }
    } finally {
      control.unlock();
    }
  }
}
