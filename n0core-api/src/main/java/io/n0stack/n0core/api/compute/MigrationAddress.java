package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;

/**
 * Where the target of a migration listens.
 *
 * @since 0.1
 */
public sealed interface MigrationAddress {
  /**
   * A Unix socket, for two drivers on one host.
   *
   * @param path its path
   */
  record Unix(Path path) implements MigrationAddress {
    /** Checks the path. */
    public Unix {
      Rules.absolutePath("address.path", path);
    }
  }

  /**
   * A TCP socket.
   *
   * @param host a name or an address
   * @param port its port, 1 to 65535
   */
  record Tcp(String host, int port) implements MigrationAddress {
    private static final int PORTS = 65_535;
    private static final int LONGEST_HOST = 253;

    /** Checks both. */
    public Tcp {
      MigrationReception.requireHost("address.host", host, LONGEST_HOST);
      Rules.range("address.port", port, 1, PORTS);
    }
  }
}
