package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How the NBD server listens.
 *
 * @param addr where
 * @param tlsCreds the id of the TLS credentials
 * @param tlsAuthz the id of the object that admits clients
 * @param maxConnections the most clients at once, 0 for no limit
 * @since 0.1
 */
public record NbdServer(
    SocketAddress addr,
    Optional<String> tlsCreds,
    Optional<String> tlsAuthz,
    OptionalLong maxConnections) {
  /**
   * Starts from what is required.
   *
   * @param addr where
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(SocketAddress addr) {
    return new Builder(addr);
  }

  Args arguments() {
    return Args.of()
        .put("addr", Encode.legacyAddress(addr))
        .put("tls-creds", tlsCreds)
        .put("tls-authz", tlsAuthz)
        .put("max-connections", maxConnections);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private final SocketAddress addr;
    private Optional<String> tlsCreds = Optional.empty();
    private Optional<String> tlsAuthz = Optional.empty();
    private OptionalLong maxConnections = OptionalLong.empty();

    private Builder(SocketAddress addr) {
      this.addr = addr;
    }

    /**
     * Sets the id of the TLS credentials.
     *
     * @param value the id of the TLS credentials
     * @return this
     */
    public Builder tlsCreds(String value) {
      this.tlsCreds = Optional.of(value);
      return this;
    }

    /**
     * Sets the id of the object that admits clients.
     *
     * @param value the id of the object that admits clients
     * @return this
     */
    public Builder tlsAuthz(String value) {
      this.tlsAuthz = Optional.of(value);
      return this;
    }

    /**
     * Sets the most clients at once, 0 for no limit.
     *
     * @param value the most clients at once, 0 for no limit
     * @return this
     */
    public Builder maxConnections(long value) {
      this.maxConnections = OptionalLong.of(value);
      return this;
    }

    /**
     * Builds the request.
     *
     * @return the request
     * @throws N0Exception INVALID if a value breaks a rule
     */
    public NbdServer build() {
      return new NbdServer(addr, tlsCreds, tlsAuthz, maxConnections);
    }
  }
}
