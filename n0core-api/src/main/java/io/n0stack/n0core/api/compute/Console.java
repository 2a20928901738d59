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
   * Connects to the machine's first serial port. One client at a time is served.
   *
   * @param machine the machine
   * @return a blocking channel of raw bytes, which the caller closes; it ends when the machine does
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off; UNAVAILABLE
   *     if the console does not accept a connection
   */
  ByteChannel openSerial(ResourceId machine);
}
