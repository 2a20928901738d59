package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The certificates by which both ends of a migration know each other.
 *
 * @param directory where the emulator finds {@code ca-cert.pem}, and {@code server-cert.pem} and {@code
 *     server-key.pem} on the target or {@code client-cert.pem} and {@code client-key.pem} on the source
 * @param peer who the other end must be: on the target the distinguished name of the source's certificate, on the
 *     source the host name in the target's; empty for any client that the authority has signed, and for the
 *     host that is connected to
 * @since 0.1
 */
public record MigrationTls(Path directory, Optional<String> peer) {
  private static final int LONGEST = 1024;

  /** Checks both. */
  public MigrationTls {
    Rules.absolutePath("tls.directory", directory);
    peer.ifPresent(name -> Rules.text("tls.peer", name, LONGEST));
  }

  /**
   * Accepts every peer that the authority has signed.
   *
   * @param directory where the files are
   * @return the certificates
   */
  public static MigrationTls of(Path directory) {
    return new MigrationTls(directory, Optional.empty());
  }

  /**
   * Demands a certain peer.
   *
   * @param name its distinguished name or host name
   * @return a changed copy
   */
  public MigrationTls withPeer(String name) {
    return new MigrationTls(directory, Optional.of(name));
  }
}
