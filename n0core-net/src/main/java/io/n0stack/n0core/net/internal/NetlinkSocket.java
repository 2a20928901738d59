package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.OsException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import jnr.constants.platform.Errno;

/** A netlink socket in the network namespace of the thread that opened it. */
public final class NetlinkSocket implements Transport {
  private static final LibC C = LibC.INSTANCE;
  private static final int AF_NETLINK = 16; // bits/socket.h
  private static final int SOCK_RAW = 3;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int EFD_FLAGS =
      SOCK_CLOEXEC | SOCK_NONBLOCK; // the same numbers, sys/eventfd.h
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_ADD_MEMBERSHIP = 1; // linux/netlink.h
  private static final int SOL_SOCKET = 1; // asm-generic/socket.h
  private static final int SO_SNDBUF = 7;
  private static final int SO_RCVBUF = 8;
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int BUFFERED = 1024 * 1024; // answers to a request
  private static final int MSG_TRUNC = 0x20;
  private static final int[] OPTIONS = {11, 10, 12
  }; // EXT_ACK, CAP_ACK, GET_STRICT_CHK, linux/netlink.h
  private static final int FIRST_SIZE = 32 * 1024; // the kernel fills no more in a dump
  private static final int LARGEST = 16 * 1024 * 1024;
  private static final int SOCKADDR = 12; // struct sockaddr_nl, linux/netlink.h
  private static final int PID = 4;
  private static final int LENGTH = 16; // where socklen_t lies in the scratch buffer
  private static final int POLL = 32;
  private static final int VECTOR = 56;
  private static final int ADDRESS = 72;

  private final ReentrantLock receiving = new ReentrantLock();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final NativeBuffer scratch = NativeBuffer.allocate(64);
  private final NativeBuffer message = NativeBuffer.allocate(96);
  private final NativeBuffer polled = NativeBuffer.allocate(POLL);
  private final int fd;
  private final int wake;
  private final int portId;
  private NativeBuffer buffer = NativeBuffer.allocate(FIRST_SIZE);
  private volatile boolean inGroup;
  private int wanted;

  private NetlinkSocket(int fd, int wake) {
    this.fd = fd;
    this.wake = wake;
    for (int option : OPTIONS) {
      enable(option);
    }
    portId = bind();
    connect();
    receiveBuffer(BUFFERED);
  }

  /**
   * Opens a socket in the network namespace of the calling thread.
   *
   * @param protocol a family such as {@link Wire#NETLINK_ROUTE}
   * @return the socket, which the caller closes
   * @throws OsException if the kernel refuses
   */
  public static NetlinkSocket open(int protocol) {
    int fd = C.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    SystemCalls.check(fd, "open netlink socket");
    int wake = C.eventfd(0, EFD_FLAGS);
    try {
      SystemCalls.check(wake, "open eventfd");
      return new NetlinkSocket(fd, wake);
    } catch (OsException e) {
      SystemCalls.close(fd);
      if (wake >= 0) {
        SystemCalls.close(wake);
      }
      throw e;
    }
  }

  private void enable(int option) {
    scratch.bytes().putInt(0, 1);
    int rc = C.setsockopt(fd, SOL_NETLINK, option, scratch.address(), Integer.BYTES);
    if (rc < 0 && SystemCalls.errno() != Errno.ENOPROTOOPT.intValue()) {
      SystemCalls.fail("set netlink option " + option);
    }
  }

  /**
   * Sets how much the kernel keeps until it is received; as root beyond the system's limit.
   *
   * @param size bytes
   */
  public void receiveBuffer(int size) {
    buffer(SO_RCVBUFFORCE, SO_RCVBUF, size);
  }

  /**
   * Sets how large a request may be; as root beyond the system's limit.
   *
   * @param size bytes
   */
  public void sendBuffer(int size) {
    buffer(SO_SNDBUFFORCE, SO_SNDBUF, size);
  }

  private void buffer(int forced, int usual, int size) {
    scratch.bytes().putInt(0, size);
    // CAP_NET_ADMIN in the first user namespace may force it; who has not is held to the limit.
    if (C.setsockopt(fd, SOL_SOCKET, forced, scratch.address(), Integer.BYTES) < 0) {
      SystemCalls.check(
          C.setsockopt(fd, SOL_SOCKET, usual, scratch.address(), Integer.BYTES),
          "set buffer of netlink socket");
    }
  }

  /**
   * Begins to hear what the kernel tells a group.
   *
   * @param group its number, such as 1 of RTNLGRP_LINK
   * @throws OsException if the kernel refuses
   */
  public void join(int group) {
    inGroup = true;
    scratch.bytes().putInt(0, group);
    SystemCalls.check(
        C.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, scratch.address(), Integer.BYTES),
        "join netlink group " + group);
  }

  private int bind() {
    scratch.bytes().putLong(0, 0).putInt(8, 0).putShort(0, (short) AF_NETLINK);
    try {
      SystemCalls.check(C.bind(fd, scratch.address(), SOCKADDR), "bind netlink socket");
      scratch.bytes().putInt(LENGTH, SOCKADDR);
      SystemCalls.check(
          C.getsockname(fd, scratch.address(), scratch.address() + LENGTH), "getsockname");
      return scratch.bytes().getInt(PID);
    } finally {
      Reference.reachabilityFence(scratch);
    }
  }

  /**
   * From now on the kernel refuses what other processes send to this socket ({@code
   * netlink_getsockbyportid}), which is cheaper than to look who sent each datagram.
   */
  private void connect() {
    scratch.bytes().putLong(0, 0).putInt(8, 0).putShort(0, (short) AF_NETLINK);
    try {
      SystemCalls.check(C.connect(fd, scratch.address(), SOCKADDR), "connect netlink socket");
    } finally {
      Reference.reachabilityFence(scratch);
    }
  }

  @Override
  public int portId() {
    return portId;
  }

  @Override
  public void send(Object operation, NativeBuffer request, int length) {
    receiving.lock();
    try {
      requireOpen(operation);
      if (SystemCalls.transferred(C.send(fd, request.address(), length, 0), operation) != length) {
        throw new N0Exception(
            N0Exception.Code.BUSY,
            operation.toString(),
            operation + ": the kernel did not take the request");
      }
    } finally {
      Reference.reachabilityFence(request);
      receiving.unlock();
    }
  }

  @Override
  public int receive(Object operation, long deadlineNanos) {
    receiving.lock();
    try {
      long began = 0;
      while (true) {
        requireOpen(operation);
        // With MSG_TRUNC it says how long the datagram is, also if its tail is lost.
        if (wanted > buffer.size()) {
          buffer = NativeBuffer.allocate(wanted);
        }
        int length = inGroup ? receiveFromAnybody(operation) : receiveFromKernel(operation);
        if (length >= 0) {
          if (length > buffer.size()) {
            grow(operation, length);
          }
          return length;
        }
        long now = System.nanoTime();
        began = began == 0 ? now : began;
        long left = deadlineNanos - now;
        if (left <= 0) {
          throw new OperationTimeoutException(
              operation.toString(), Duration.ofNanos(deadlineNanos - began));
        }
        SystemCalls.poll(fd, wake, (int) TimeUnit.NANOSECONDS.toMillis(left) + 1, polled);
      }
    } finally {
      receiving.unlock();
    }
  }

  private int receiveFromKernel(Object operation) {
    try {
      return SystemCalls.transferred(
          C.recv(fd, buffer.address(), buffer.size(), MSG_TRUNC), operation);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Whoever may administer the network may also tell a group something, connected or not. */
  private int receiveFromAnybody(Object operation) {
    // struct msghdr and struct iovec, bits/socket.h, on a 64-bit machine
    long base = message.address();
    message
        .bytes()
        .putLong(0, base + ADDRESS)
        .putLong(8, SOCKADDR)
        .putLong(16, base + VECTOR)
        .putLong(24, 1)
        .putLong(32, 0)
        .putLong(40, 0)
        .putLong(48, 0)
        .putLong(VECTOR, buffer.address())
        .putLong(VECTOR + 8, buffer.size());
    try {
      return SystemCalls.transferred(C.recvmsg(fd, base, MSG_TRUNC), operation);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private void grow(Object operation, int length) {
    if (length > LARGEST) {
      throw new N0Exception(
          N0Exception.Code.EXHAUSTED,
          operation.toString(),
          operation + ": an answer of " + length + " bytes is larger than " + LARGEST);
    }
    wanted = length;
  }

  @Override
  public ByteBuffer received() {
    return buffer.bytes();
  }

  @Override
  public int sender() {
    return inGroup ? message.bytes().getInt(ADDRESS + PID) : 0;
  }

  private void requireOpen(Object operation) {
    if (closed.get()) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          operation.toString(),
          operation + ": the netlink socket is closed");
    }
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    NativeBuffer one = NativeBuffer.allocate(Long.BYTES);
    one.bytes().putLong(0, 1);
    SystemCalls.write("wake the reader", wake, one, Long.BYTES);
    // Only when nobody uses the descriptors may their numbers be given to others.
    receiving.lock();
    try {
      SystemCalls.close(fd);
      SystemCalls.close(wake);
    } finally {
      receiving.unlock();
    }
  }
}
