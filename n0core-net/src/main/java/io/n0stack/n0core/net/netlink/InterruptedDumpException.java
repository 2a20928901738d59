package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import java.util.List;

/**
 * What was to be listed changed during each attempt. The code is BUSY.
 *
 * @since 0.1
 */
public final class InterruptedDumpException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final transient List<?> partial;

  InterruptedDumpException(String operation, int attempts, List<?> partial) {
    super(
        Code.BUSY,
        operation,
        operation + ": what is listed changed during each of " + attempts + " attempts");
    this.partial = List.copyOf(partial);
  }

  /**
   * Returns what the last attempt brought.
   *
   * @return items of which some may be missing, or there twice
   */
  public List<?> partial() {
    return partial;
  }
}
