package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;

/** Carries netlink datagrams. Used by one thread at a time, except {@link #close}. */
public interface Transport extends AutoCloseable {
  /**
   * Returns the address that the kernel gave this end.
   *
   * @return the port id
   */
  int portId();

  /**
   * Sends one datagram; the kernel has worked through it when this returns.
   *
   * @param operation what is attempted, as its {@code toString} says
   * @param message the datagram
   * @param length its bytes
   */
  void send(Object operation, NativeBuffer message, int length);

  /**
   * Waits for a datagram.
   *
   * @param operation what is attempted, as its {@code toString} says
   * @param deadlineNanos when to stop waiting, on the clock of {@link System#nanoTime}
   * @return its bytes, complete in {@link #received} unless they are more than its capacity; then the
   *     rest is lost, and one of this length will be complete the next time
   */
  int receive(Object operation, long deadlineNanos);

  /**
   * Returns the last datagram.
   *
   * @return a buffer in native order, valid until the next call of {@link #receive}
   */
  ByteBuffer received();

  /**
   * Returns who sent the last datagram.
   *
   * @return the sender's port id, 0 for the kernel
   */
  int sender();

  /** Frees the descriptors and wakes whoever waits. */
  @Override
  void close();
}
