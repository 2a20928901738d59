package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.TunDevice;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * A queue of a tap: reads what the kernel sends to the link and writes what the link then receives, one
 * Ethernet frame at a time, each behind the vnet header that the tap has.
 *
 * <p>A direct buffer is read and written in place; the bytes of another pass through one direct buffer
 * that the queue keeps. Neither allocates anything per frame.
 *
 * <p>Thread-safe. Reads are done one after the other and so are writes; neither waits for the other.
 *
 * @since 0.1
 */
public final class TapQueue implements AutoCloseable {
  private final TunDevice device;
  private final String tap;
  private final String reading;
  private final String writing;

  TapQueue(TunDevice device, String quotedTap) {
    this.device = device;
    tap = quotedTap;
    reading = "read tap " + quotedTap;
    writing = "write tap " + quotedTap;
  }

  TunDevice device() {
    return device;
  }

  /**
   * Reads one frame, if there is one; never blocks.
   *
   * @param into takes vnet header and frame at its position, which moves on; has room for a byte or
   *     more, and what does not fit is lost
   * @return bytes put, or 0 if there is no frame
   * @throws N0Exception NOT_FOUND if the link is gone; PRECONDITION if this queue is detached; INVALID if
   *     there is no room for a byte
   * @throws OsException EINVAL if there is less room than for the vnet header
   * @throws IllegalStateException if this is closed
   */
  public int read(ByteBuffer into) {
    requireRoom(into);
    return device.read(reading, into);
  }

  /**
   * Reads one frame, and waits for it. Another thread may close or detach this queue meanwhile; an
   * interrupt ends the wait within a quarter of a second.
   *
   * @param into as for {@link #read(ByteBuffer)}
   * @param limit how long to wait at most, zero or more
   * @return bytes put, or 0 if no frame came in time
   * @throws N0Exception NOT_FOUND if the link is gone, also while this waits; PRECONDITION if this queue
   *     is detached, also while this waits; CANCELLED if it is closed while this waits or the thread is
   *     interrupted; INVALID if there is no room for a byte
   * @throws OsException EINVAL if there is less room than for the vnet header
   * @throws IllegalStateException if this is closed
   */
  public int read(ByteBuffer into, Duration limit) {
    requireRoom(into);
    if (limit.isNegative()) {
      throw N0Exception.invalid("limit", limit, "must be zero or more");
    }
    return device.read(reading, into, TapQueue.nanos(limit));
  }

  private static void requireRoom(ByteBuffer into) {
    if (!into.hasRemaining()) {
      throw N0Exception.invalid("into", into, "must have room for a frame");
    }
  }

  private static long nanos(Duration limit) {
    Duration longest = Duration.ofNanos(Long.MAX_VALUE / 2);
    return limit.compareTo(longest) < 0 ? limit.toNanos() : longest.toNanos();
  }

  /**
   * Writes one frame; never blocks.
   *
   * @param from vnet header and frame, together up to 128 KiB, from its position to its limit; the
   *     position moves there if the frame is written
   * @return bytes written, or 0 if the kernel has no room for the frame
   * @throws N0Exception NOT_FOUND if the link is gone; PRECONDITION if this queue is detached; INVALID if
   *     there is nothing to write or it is too long
   * @throws OsException EIO if the link is down; EINVAL if the frame is shorter than 14 bytes
   * @throws IllegalStateException if this is closed
   */
  public int write(ByteBuffer from) {
    Rules.range("frame bytes", from.remaining(), 1, TunDevice.LARGEST_FRAME);
    return device.write(writing, from);
  }

  /**
   * Lets the kernel use this queue again, {@code IFF_ATTACH_QUEUE}. Does nothing if it does.
   *
   * @throws OsException if the kernel refuses
   * @throws N0Exception NOT_FOUND if the link is gone
   * @throws IllegalStateException if this is closed
   */
  public void attach() {
    device.attach("attach queue of tap " + tap);
  }

  /**
   * Lets the kernel use the tap's other queues only, {@code IFF_DETACH_QUEUE}; frames not yet read are
   * lost. Does nothing if it is detached.
   *
   * @throws OsException EINVAL if the tap is not multiqueue
   * @throws N0Exception NOT_FOUND if the link is gone
   * @throws IllegalStateException if this is closed
   */
  public void detach() {
    device.detach("detach queue of tap " + tap);
  }

  /**
   * Tells whether the kernel uses this queue.
   *
   * @return false while it is detached and once it is closed
   */
  public boolean attached() {
    return device.attached();
  }

  /**
   * Closes the queue; a tap that is not persistent goes with its last one. A read that waits ends. Does
   * nothing the second time.
   */
  @Override
  public void close() {
    device.close();
  }
}
