package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;

/**
 * A port driver's capability: opens a port's tap on behalf of a process that may not open it itself,
 * such as a machine's, which runs as an unprivileged user.
 *
 * <p>Thread-safe.
 *
 * @since 0.1
 */
public interface TapQueues {
  /**
   * Opens a port's tap, which nobody else may hold open. The tap stays when the descriptors are closed.
   *
   * @param port the port
   * @param queues how many descriptors, each a queue of its own; 1 to 256, more than 1 only for a
   *     multiqueue tap
   * @return that many descriptors, which the caller closes
   * @throws N0Exception NOT_FOUND if there is no such port; BUSY if its tap is held open; PRECONDITION if
   *     it does not have that many queues; INVALID if {@code queues} is out of range; PERMISSION if this
   *     process may not open it either
   */
  Descriptors open(ResourceId port, int queues);

  /**
   * Open descriptors of {@code /dev/net/tun} in this process, attached to one tap. They are {@code
   * O_CLOEXEC}: a program that is started meanwhile does not inherit them. Another process gets its own
   * duplicates by {@code SCM_RIGHTS}, see unix(7); QEMU takes one along with the QMP command {@code
   * getfd}, and uses it as {@code netdev_add type=tap,fd=NAME}. Duplicates stay attached when these are
   * closed, which is best done as soon as the other process has answered: until all duplicates are
   * closed the tap is held open.
   *
   * <p>Thread-safe.
   */
  interface Descriptors extends AutoCloseable {
    /**
     * Returns the descriptors, to be sent but neither closed nor kept: once this is closed, the same
     * number may be another file.
     *
     * @return one number per queue
     * @throws IllegalStateException if this is closed
     */
    List<Integer> numbers();

    /**
     * Returns the size of the {@code struct virtio_net_hdr} before each frame. QEMU finds out by itself.
     *
     * @return bytes, 0 if frames have none
     */
    int vnetHeaderBytes();

    /** Closes the descriptors of this process. Does nothing the second time. */
    @Override
    void close();
  }
}
