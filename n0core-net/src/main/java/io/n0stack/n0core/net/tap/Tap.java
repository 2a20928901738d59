package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.NativeBuffer;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.nio.ByteBuffer;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A tap that this process holds open: it reads what the kernel sends to the link and writes what the
 * link then receives, one Ethernet frame at a time. See {@code
 * Documentation/networking/tuntap.rst} of the kernel.
 *
 * <p>It belongs to the network namespace of the thread that opened it. Thread-safe; calls are done
 * one after the other and never block. Needs CAP_NET_ADMIN, or to be the tap's owner.
 *
 * @since 0.1
 */
public final class Tap implements AutoCloseable {
  private static final String DEVICE = "/dev/net/tun";
  private static final int OPEN_FLAGS = 0x2 | 0x800 | 0x80000; // O_RDWR, O_NONBLOCK, O_CLOEXEC
  private static final long TUNSETIFF = 0x400454caL; // linux/if_tun.h
  private static final long TUNSETPERSIST = 0x400454cbL;
  private static final long TUNSETOWNER = 0x400454ccL;
  private static final long TUNGETIFF = 0x800454d2L;
  private static final int IFF_TAP = 0x2;
  private static final int IFF_PERSIST = 0x800;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFF_MULTI_QUEUE = 0x100;
  private static final int IFF_TUN_EXCL = 0x8000;
  private static final int COMPARED = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  private static final int IFREQ = 40; // struct ifreq, linux/if.h
  private static final int IFNAMSIZ = 16;
  private static final int LARGEST_FRAME = 65536;

  private final ReentrantLock lock = new ReentrantLock();
  private final String name;
  private int fd;
  private @Nullable NativeBuffer frame;

  private Tap(String name, int fd) {
    this.name = name;
    this.fd = fd;
  }

  /**
   * Creates a tap that goes when it is closed, unless {@link #persist} is called.
   *
   * @param name 1 to 15 bytes
   * @return the tap, held open
   * @throws N0Exception ALREADY_EXISTS if a link has the name; INVALID for what cannot be one
   */
  public static Tap create(String name) {
    return attach("add tap ", name, IFF_TUN_EXCL);
  }

  /**
   * Opens a persistent tap that nobody holds open.
   *
   * @param name 1 to 15 bytes
   * @return the tap, held open
   * @throws N0Exception NOT_FOUND if there is none in the network namespace of this thread; BUSY if
   *     another process holds it open; PERMISSION if its owner is another user
   */
  public static Tap open(String name) {
    return attach("open tap ", name, 0);
  }

  private static Tap attach(String verb, String name, int flags) {
    Rules.linkName("name", name);
    String what = verb + Rules.quote(name);
    int fd = SystemCalls.open(DEVICE, OPEN_FLAGS);
    try {
      int wanted = IFF_TAP | IFF_NO_PI;
      NativeBuffer request = NativeBuffer.allocate(IFREQ);
      SystemCalls.putName(request, 0, IFNAMSIZ, name);
      request.bytes().putShort(IFNAMSIZ, (short) (wanted | flags));
      SystemCalls.ioctl(what, fd, TUNSETIFF, request);
      // The kernel attaches and ignores flags that do not fit the queues that are there.
      SystemCalls.ioctl(what, fd, TUNGETIFF, request);
      int found = Short.toUnsignedInt(request.bytes().getShort(IFNAMSIZ));
      if ((found & COMPARED) != wanted) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            what,
            what + ": has flags 0x" + Integer.toHexString(found) + ", not 0x"
                + Integer.toHexString(wanted));
      }
      if (flags != IFF_TUN_EXCL && (found & IFF_PERSIST) == 0) {
        // One that is not persistent is held by somebody, and opening it had failed: this one was
        // created by the call above, and goes with the descriptor.
        throw new N0Exception(N0Exception.Code.NOT_FOUND, what, what + ": there is no such tap");
      }
      return new Tap(name, fd);
    } catch (OsException e) {
      SystemCalls.close(fd);
      boolean taken = flags == IFF_TUN_EXCL
          && (e.errnoName().equals("EBUSY") || e.errnoName().equals("EINVAL"));
      throw taken
          ? new N0Exception(
              N0Exception.Code.ALREADY_EXISTS, what, what + ": a link has the name", e)
          : e;
    } catch (N0Exception e) {
      SystemCalls.close(fd);
      throw e;
    }
  }

  /**
   * Deletes a persistent tap that nobody holds open.
   *
   * @param name 1 to 15 bytes
   * @throws N0Exception NOT_FOUND if there is none; BUSY if a process holds it open
   */
  public static void delete(String name) {
    try (Tap tap = open(name)) {
      tap.unpersist();
    }
  }

  /**
   * Returns the name it was opened by.
   *
   * @return the link's name
   */
  public String name() {
    return name;
  }

  /**
   * Allows one user besides root to open it.
   *
   * @param uid a user id, 0 to 4294967294
   * @throws OsException if the kernel refuses
   */
  public void ownedBy(long uid) {
    Rules.range("uid", uid, 0, 0xfffffffeL);
    control("set owner of tap ", TUNSETOWNER, uid);
  }

  /**
   * Lets the link outlive this process and every closing.
   *
   * @throws OsException if the kernel refuses
   */
  public void persist() {
    control("persist tap ", TUNSETPERSIST, 1);
  }

  /**
   * Lets the link go when it is closed.
   *
   * @throws OsException if the kernel refuses
   */
  public void unpersist() {
    control("unpersist tap ", TUNSETPERSIST, 0);
  }

  private void control(String verb, long request, long value) {
    String what = verb + Rules.quote(name);
    lock.lock();
    try {
      SystemCalls.ioctl(what, requireOpen(), request, value);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Reads one frame, if there is one.
   *
   * @param into takes the frame; what does not fit is lost, and its position moves on
   * @return bytes put, empty if no frame is there
   * @throws OsException if the link is down or gone
   */
  public OptionalInt read(ByteBuffer into) {
    lock.lock();
    try {
      NativeBuffer buffer = frame();
      int length = SystemCalls.read(
          "read tap " + name, requireOpen(), buffer, Math.min(buffer.size(), into.remaining()));
      if (length < 0) {
        return OptionalInt.empty();
      }
      into.put(into.position(), buffer.bytes(), 0, length).position(into.position() + length);
      return OptionalInt.of(length);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Writes one frame.
   *
   * @param from the frame, at least 14 bytes; read from its position to its limit
   * @throws OsException if the link is down or gone, or the frame is too short
   * @throws N0Exception BUSY if the kernel has no room for it; INVALID if it is longer than 64 KiB
   */
  public void write(ByteBuffer from) {
    String what = "write tap " + name;
    int length = from.remaining();
    Rules.range("frame bytes", length, 1, LARGEST_FRAME);
    lock.lock();
    try {
      NativeBuffer buffer = frame();
      buffer.bytes().put(0, from, from.position(), length);
      if (SystemCalls.write(what, requireOpen(), buffer, length) != length) {
        throw new N0Exception(N0Exception.Code.BUSY, what, what + ": no room for the frame");
      }
      from.position(from.limit());
    } finally {
      lock.unlock();
    }
  }

  private NativeBuffer frame() {
    NativeBuffer buffer = frame;
    if (buffer == null) {
      buffer = NativeBuffer.allocate(LARGEST_FRAME);
      frame = buffer;
    }
    return buffer;
  }

  private int requireOpen() {
    if (fd < 0) {
      throw new IllegalStateException("tap \"" + name + "\" is closed");
    }
    return fd;
  }

  /** Closes the descriptor; the link goes with it unless it is persistent. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (fd >= 0) {
        SystemCalls.close(fd);
        fd = -1;
      }
    } finally {
      lock.unlock();
    }
  }
}
