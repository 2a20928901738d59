package io.n0stack.n0core.api.compute;

import java.net.URI;
import java.time.Instant;

/**
 * The right to connect to a screen once.
 *
 * @param uri the websocket's address, which is a secret
 * @param expires when it is void
 * @since 0.1
 */
public record ScreenGrant(URI uri, Instant expires) {
  /** Hides the secret. */
  @Override
  public String toString() {
    return "ScreenGrant[uri=ws://" + uri.getAuthority() + "/…, expires=" + expires + "]";
  }
}
