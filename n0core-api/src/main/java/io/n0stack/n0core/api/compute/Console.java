package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.channels.ByteChannel;

/**
 * A compute driver's capability: the machine's serial console.
 *
 * @since 0.1
 */
public interface Console {
  /**
   * Connects to the machine's first serial port, from what the guest writes from now on. Several may read; each
   * gets everything.
   *
   * @param machine the machine
   * @return a blocking channel of raw bytes, which the caller closes; it ends when the machine does
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off; UNAVAILABLE
   *     if the console does not accept a connection
   */
  ByteChannel openSerial(ResourceId machine);

  /**
   * Connects to the machine's first serial port, from what the guest wrote last.
   *
   * @param machine the machine
   * @param replayBytes how much of that is wanted, at most what is on record since the machine was started
   * @return a blocking channel of raw bytes, which the caller closes; what the guest writes follows without a gap
   *     and without a repetition; it ends when the machine does
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off; UNAVAILABLE
   *     if the console does not accept a connection; INVALID for a negative number
   */
  default ByteChannel openSerial(ResourceId machine, long replayBytes) {
    throw new UnsupportedOperationException("openSerial with a replay");
  }
}
