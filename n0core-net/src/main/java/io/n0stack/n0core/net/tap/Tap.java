package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.internal.TunDevice;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A tap that this process holds open: a link whose frames a process reads and writes, through one
 * {@linkplain TapQueue queue} or several. See {@code Documentation/networking/tuntap.rst} of the kernel.
 *
 * <p>It is made, found and given more queues in the network namespace of the calling thread; all else
 * works from any. Thread-safe. Opening needs CAP_NET_ADMIN, or to be the tap's owner and in its group,
 * as far as it has them; a tap that has neither may be opened by anybody.
 *
 * @since 0.1
 */
public final class Tap implements AutoCloseable {
  private static final long TUNSETPERSIST = 0x400454cbL; // linux/if_tun.h
  private static final long TUNSETOWNER = 0x400454ccL;
  private static final long TUNSETGROUP = 0x400454ceL;
  private static final long TUNSETOFFLOAD = 0x400454d0L;
  private static final long TUNGETSNDBUF = 0x800454d3L;
  private static final long TUNSETSNDBUF = 0x400454d4L;
  private static final long TUNGETVNETHDRSZ = 0x800454d7L;
  private static final long TUNSETVNETHDRSZ = 0x400454d8L;
  private static final int IFF_TAP = 0x2;
  private static final int IFF_MULTI_QUEUE = 0x100;
  private static final int IFF_PERSIST = 0x800;
  private static final int IFF_NO_PI = 0x1000;
  private static final int IFF_VNET_HDR = 0x4000;
  private static final int IFF_TUN_EXCL = 0x8000;
  private static final int COMPARED = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;

  private final ReentrantLock lock = new ReentrantLock();
  private final TapSpec spec;
  private final TapQueue first;
  private final List<TapQueue> queues = new ArrayList<>();

  private Tap(TapSpec spec, TunDevice first) {
    this.spec = spec;
    this.first = new TapQueue(first, Rules.quote(spec.name()));
    queues.add(this.first);
  }

  /**
   * Creates a tap of one queue that goes when it is closed, unless {@link #persist} is called.
   *
   * @param name 1 to 15 bytes
   * @return the tap, held open
   * @throws N0Exception ALREADY_EXISTS if a link has the name; INVALID for what cannot be one
   */
  public static Tap create(String name) {
    return create(TapSpec.named(name));
  }

  /**
   * Creates a tap. If that fails half-way, nothing is left.
   *
   * @param spec what it is to be
   * @return the tap, held open
   * @throws N0Exception ALREADY_EXISTS if a link has the name; PERMISSION without CAP_NET_ADMIN
   * @throws OsException if the kernel refuses
   */
  public static Tap create(TapSpec spec) {
    String what = "add tap " + Rules.quote(spec.name());
    TunDevice device;
    try {
      device = entered(what, spec, flags(spec) | IFF_TUN_EXCL);
    } catch (OsException e) {
      boolean taken = e.errnoName().equals("EBUSY") || e.errnoName().equals("EINVAL");
      throw taken ? failure(N0Exception.Code.ALREADY_EXISTS, what, "a link has the name", e) : e;
    }
    Tap tap = new Tap(spec, device);
    return tap.completed(() -> {
      requireFlags(what, device, flags(spec));
      if (spec.vnetHeaderBytes().orElse(TapSpec.PLAIN_VNET_HEADER) != TapSpec.PLAIN_VNET_HEADER) {
        tap.resizeVnetHeader(spec.vnetHeaderBytes().getAsInt());
      }
      tap.addRest(what);
      tap.configure(what);
      if (spec.persistent()) {
        tap.persist();
      }
    });
  }

  /**
   * Opens a persistent tap of one queue that nobody holds open, for bare frames.
   *
   * @param name 1 to 15 bytes
   * @return the tap, held open
   * @throws N0Exception NOT_FOUND if there is none in the network namespace of this thread; BUSY if
   *     another process holds it open; PRECONDITION if it is multiqueue or the link is no tap;
   *     PERMISSION if it is another user's
   */
  public static Tap open(String name) {
    return open(TapSpec.named(name));
  }

  /**
   * Opens a persistent tap that nobody holds open. It is set to carry the vnet header that the spec
   * says, or none, and its {@linkplain #offload offloads} are switched off, whatever its last holder
   * left; owner, group and MTU change if the spec has them; it stays persistent.
   *
   * @param spec what is expected, and what it is to be
   * @return the tap, held open
   * @throws N0Exception NOT_FOUND if there is none in the network namespace of this thread; BUSY if
   *     another process holds it open; PRECONDITION if it is multiqueue and the spec is not, or the other
   *     way round, or the link is no tap; PERMISSION if it is another user's
   * @throws OsException if the kernel refuses
   */
  public static Tap open(TapSpec spec) {
    String what = "open tap " + Rules.quote(spec.name());
    int wanted = flags(spec);
    if (spec.queues().isPresent()) {
      // A multiqueue tap takes this process's queues beside another's, but flags from the first
      // only:
      // if they can be set one way and then the other, nobody else is there.
      try (TunDevice probe = found(what, spec, wanted ^ IFF_VNET_HDR)) {
        requireAlone(what, probe, wanted ^ IFF_VNET_HDR);
      }
    }
    TunDevice device = found(what, spec, wanted);
    Tap tap = new Tap(spec, device);
    return tap.completed(() -> {
      if (spec.queues().isPresent()) {
        requireAlone(what, device, wanted);
      }
      requireFlags(what, device, wanted);
      if (spec.vnetHeaderBytes().isPresent()) {
        tap.resizeVnetHeader(spec.vnetHeaderBytes().getAsInt());
      }
      device.set(what, TUNSETOFFLOAD, 0);
      tap.addRest(what);
      tap.configure(what);
    });
  }

  private static int flags(TapSpec spec) {
    return IFF_TAP
        | IFF_NO_PI
        | (spec.queues().isPresent() ? IFF_MULTI_QUEUE : 0)
        | (spec.vnetHeaderBytes().isPresent() ? IFF_VNET_HDR : 0);
  }

  private static TunDevice entered(String what, TapSpec spec, int flags) {
    TunDevice device = TunDevice.open("tap " + Rules.quote(spec.name()));
    try {
      device.setInterface(what, spec.name(), flags);
      return device;
    } catch (N0Exception e) {
      device.close();
      throw e;
    }
  }

  private static TunDevice found(String what, TapSpec spec, int flags) {
    TunDevice device;
    try {
      device = entered(what, spec, flags);
    } catch (OsException e) {
      if (e.errnoName().equals("EINVAL")) {
        String wanted = spec.queues().isPresent() ? "a multiqueue tap" : "a tap of one queue";
        throw failure(N0Exception.Code.PRECONDITION, what, "the link is not " + wanted, e);
      }
      throw e;
    }
    try {
      if ((device.flags(what) & IFF_PERSIST) == 0) {
        // A tap of one queue that is not persistent is held by somebody, and opening it had failed:
        // this one was created by the call above, and goes with the descriptor.
        throw failure(N0Exception.Code.NOT_FOUND, what, "there is no such persistent tap");
      }
      return device;
    } catch (N0Exception e) {
      device.close();
      throw e;
    }
  }

  private static void requireAlone(String what, TunDevice device, int flags) {
    if ((device.flags(what) & COMPARED) != flags) {
      throw failure(N0Exception.Code.BUSY, what, "another process holds queues of it");
    }
  }

  /** The kernel attaches and ignores flags that do not fit the queues that are there. */
  private static void requireFlags(String what, TunDevice device, int wanted) {
    int found = device.flags(what);
    if ((found & COMPARED) != wanted) {
      throw failure(
          N0Exception.Code.UNSUPPORTED,
          what,
          "has flags 0x" + Integer.toHexString(found) + ", not 0x" + Integer.toHexString(wanted));
    }
  }

  private static N0Exception failure(N0Exception.Code code, String what, String reason) {
    return new N0Exception(code, what, what + ": " + reason);
  }

  private static N0Exception failure(
      N0Exception.Code code, String what, String reason, OsException cause) {
    return new N0Exception(code, what, what + ": " + reason, cause);
  }

  private Tap completed(Runnable rest) {
    try {
      rest.run();
      return this;
    } catch (N0Exception e) {
      close();
      throw e;
    }
  }

  private void addRest(String what) {
    for (int i = 1; i < spec.queues().orElse(1); i++) {
      join(what, TunDevice.open("tap " + Rules.quote(spec.name())), first.device());
    }
  }

  private void configure(String what) {
    spec.ownerUid().ifPresent(this::ownedBy);
    spec.groupGid().ifPresent(this::ownedByGroup);
    spec.mtu().ifPresent(bytes -> TunDevice.setMtu(what, spec.name(), bytes));
  }

  /** Names are unique in a namespace, so one name at one time is one link. */
  private TapQueue join(String what, TunDevice added, TunDevice present) {
    try {
      added.setInterface(what, present.name(what), flags(spec));
      if (!added.name(what).equals(present.name(what))) {
        throw failure(N0Exception.Code.BUSY, what, "the link was renamed meanwhile");
      }
      requireFlags(what, added, flags(spec));
    } catch (OsException e) {
      added.close();
      throw e.errnoName().equals("E2BIG")
          ? failure(
              N0Exception.Code.EXHAUSTED, what, "has " + TapSpec.MOST_QUEUES + " queues already", e)
          : e;
    } catch (N0Exception e) {
      added.close();
      throw e;
    }
    TapQueue queue = new TapQueue(added, Rules.quote(spec.name()));
    queues.add(queue);
    return queue;
  }

  /**
   * Deletes a persistent tap that nobody holds open, whether multiqueue or not.
   *
   * @param name 1 to 15 bytes
   * @throws N0Exception NOT_FOUND if there is none; BUSY if a process holds it open; PRECONDITION if the
   *     link is no tap
   */
  public static void delete(String name) {
    try (Tap tap = openEither(TapSpec.named(name))) {
      tap.unpersist();
    }
  }

  private static Tap openEither(TapSpec spec) {
    try {
      return open(spec);
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.PRECONDITION) {
        throw e;
      }
      return open(spec.withQueues(1));
    }
  }

  /**
   * Returns the name it was opened by.
   *
   * @return the link's name
   */
  public String name() {
    return spec.name();
  }

  /**
   * Returns the queues that are open, attached or not.
   *
   * @return the queues in the order they were opened; none once this is closed
   */
  public List<TapQueue> queues() {
    lock.lock();
    try {
      return queues.stream().filter(queue -> queue.device().isOpen()).toList();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Opens one more queue of a multiqueue tap, on a thread in the link's network namespace.
   *
   * @return the queue, attached, which is closed by itself or with this tap
   * @throws N0Exception PRECONDITION if the tap is not multiqueue or the calling thread is in another
   *     network namespace; EXHAUSTED if it has 256; NOT_FOUND if the link is
   *     gone; PERMISSION without CAP_NET_ADMIN
   * @throws IllegalStateException if this is closed
   */
  public TapQueue addQueue() {
    String what = "add queue to tap " + Rules.quote(spec.name());
    if (spec.queues().isEmpty()) {
      throw failure(N0Exception.Code.PRECONDITION, what, "it is not multiqueue");
    }
    lock.lock();
    try {
      queues.removeIf(queue -> !queue.device().isOpen());
      TunDevice present = device();
      TunDevice added = TunDevice.open("tap " + Rules.quote(spec.name()));
      try {
        if (!added.ownNamespace(what).equals(present.linkNamespace(what))) {
          throw failure(
              N0Exception.Code.PRECONDITION,
              what,
              "the calling thread is in another network namespace than the link");
        }
      } catch (N0Exception e) {
        added.close();
        throw e;
      }
      return join(what, added, present);
    } finally {
      lock.unlock();
    }
  }

  private TunDevice device() {
    lock.lock();
    try {
      return queues.stream()
          .map(TapQueue::device)
          .filter(TunDevice::isOpen)
          .findFirst()
          .orElseThrow(
              () -> new IllegalStateException("tap " + Rules.quote(spec.name()) + " is closed"));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Allows one user besides root to open it.
   *
   * @param uid a user id, 0 to 4294967294
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void ownedBy(long uid) {
    TapSpec.requireId("uid", uid);
    control("set owner of tap ", TUNSETOWNER, uid);
  }

  /**
   * Allows one group besides root to open it; a tap with an owner, the owner only if in the group.
   *
   * @param gid a group id, 0 to 4294967294
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void ownedByGroup(long gid) {
    TapSpec.requireId("gid", gid);
    control("set group of tap ", TUNSETGROUP, gid);
  }

  /**
   * Lets the link outlive this process and every closing.
   *
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void persist() {
    control("persist tap ", TUNSETPERSIST, 1);
  }

  /**
   * Lets the link go when it is closed.
   *
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public void unpersist() {
    control("unpersist tap ", TUNSETPERSIST, 0);
  }

  /**
   * Takes work over from the kernel: from now on it may send frames without checksum, and packets up to
   * 64 KiB long, that the vnet header says how to finish. Written frames may be so without asking.
   *
   * @param offloads all that this process can do; none for whole frames only
   * @throws N0Exception INVALID if one is there without those it needs, or any on a tap without vnet
   *     header; UNSUPPORTED if the kernel does not know one; NOT_FOUND if the link is gone
   */
  public void offload(Set<Offload> offloads) {
    int flags = Offload.flags(offloads);
    if (flags != 0 && spec.vnetHeaderBytes().isEmpty()) {
      throw N0Exception.invalid("offloads", offloads, "must be none without a vnet header");
    }
    String verb = "set offloads of tap ";
    try {
      control(verb, TUNSETOFFLOAD, flags);
    } catch (OsException e) {
      if (e.errnoName().equals("EINVAL")) {
        String what = verb + Rules.quote(spec.name());
        throw failure(
            N0Exception.Code.UNSUPPORTED, what, "the kernel does not know one of " + offloads, e);
      }
      throw e;
    }
  }

  /**
   * Asks for the size of the header before each frame.
   *
   * @return bytes, 0 if frames have none
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int vnetHeaderBytes() {
    String what = "get vnet header size of tap " + Rules.quote(spec.name());
    TunDevice device = device();
    return spec.vnetHeaderBytes().isEmpty() ? 0 : device.get(what, TUNGETVNETHDRSZ);
  }

  /**
   * Changes the size of the header before each frame, on all queues, frames that wait included.
   *
   * @param bytes 10 to 64
   * @throws N0Exception PRECONDITION if frames have none; INVALID if out of range; NOT_FOUND if the link
   *     is gone
   */
  public void resizeVnetHeader(int bytes) {
    TapSpec.requireVnetHeader(bytes);
    String what = "set vnet header size of tap " + Rules.quote(spec.name());
    if (spec.vnetHeaderBytes().isEmpty()) {
      throw failure(N0Exception.Code.PRECONDITION, what, "its frames have none");
    }
    device().setInMemory(what, TUNSETVNETHDRSZ, bytes);
  }

  /**
   * Asks how much of what is written may be on its way through the kernel at a time.
   *
   * @return bytes per queue; 2147483647 unless limited
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int sendBufferBytes() {
    String what = "get send buffer of tap " + Rules.quote(spec.name());
    return device().get(what, TUNGETSNDBUF);
  }

  /**
   * Limits how much of what is written may be on its way through the kernel at a time; more than that is
   * not written.
   *
   * @param bytes per queue, 1 to 2147483647
   * @throws N0Exception INVALID if out of range; NOT_FOUND if the link is gone
   */
  public void limitSendBuffer(int bytes) {
    Rules.range("send buffer bytes", bytes, 1, Integer.MAX_VALUE);
    String what = "set send buffer of tap " + Rules.quote(spec.name());
    device().setInMemory(what, TUNSETSNDBUF, bytes);
  }

  private void control(String verb, long request, long value) {
    String what = verb + Rules.quote(spec.name());
    device().set(what, request, value);
  }

  /**
   * Reads one frame from the first queue, as {@link TapQueue#read(ByteBuffer)}.
   *
   * @param into takes the frame; what does not fit is lost, and its position moves on
   * @return bytes put, or 0 if there is no frame
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int read(ByteBuffer into) {
    return first.read(into);
  }

  /**
   * Writes one frame to the first queue, as {@link TapQueue#write}.
   *
   * @param from the frame, read from its position to its limit
   * @return bytes written, or 0 if the kernel has no room for the frame
   * @throws OsException EIO if the link is down; EINVAL if the frame is shorter than 14 bytes
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public int write(ByteBuffer from) {
    return first.write(from);
  }

  /**
   * Gives the open queues away as descriptors, which keep the tap open from now on; this is closed. To
   * hand them to another process see {@link TapQueues.Descriptors}.
   *
   * @return the descriptors, which the caller closes
   * @throws IllegalStateException if this is closed
   * @throws N0Exception NOT_FOUND if the link is gone
   */
  public TapQueues.Descriptors transferDescriptors() {
    lock.lock();
    try {
      int header = vnetHeaderBytes();
      List<Integer> numbers = new ArrayList<>();
      for (TapQueue queue : queues) {
        queue.device().release().ifPresent(numbers::add);
      }
      return new TapDescriptors(numbers, header);
    } finally {
      lock.unlock();
    }
  }

  /** Closes all queues; the link goes with them unless it is persistent. */
  @Override
  public void close() {
    lock.lock();
    try {
      queues.forEach(TapQueue::close);
    } finally {
      lock.unlock();
    }
  }
}
