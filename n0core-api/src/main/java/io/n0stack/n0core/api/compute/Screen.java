package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.channels.ByteChannel;
import java.time.Duration;

/**
 * A compute driver's capability: the screens of machines whose spec has one.
 *
 * @since 0.1
 */
public interface Screen {
  /**
   * Connects to a machine's screen.
   *
   * @param machine the machine
   * @return a blocking channel that speaks RFB (RFC 6143) without a password, which the caller closes; it ends when
   *     the machine does
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off or has no screen;
   *     UNAVAILABLE if its screen does not accept a connection
   */
  ByteChannel openVnc(ResourceId machine);

  /**
   * Lets one client connect to a machine's screen by a websocket on this host's loopback address. The address is a
   * secret: who knows it can connect, once. A session that has begun goes on after the grant has expired.
   *
   * @param machine the machine
   * @param validity how long the client may take to connect, one second to one day
   * @return where, and until when
   * @throws N0Exception as {@link #openVnc}; INVALID for another validity
   */
  ScreenGrant grant(ResourceId machine, Duration validity);

  /**
   * Takes a picture of a machine's screen.
   *
   * @param machine the machine, running or paused
   * @return a PNG image
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off or has no screen; BUSY or
   *     UNAVAILABLE if it cannot be asked
   */
  byte[] screenshot(ResourceId machine);
}
