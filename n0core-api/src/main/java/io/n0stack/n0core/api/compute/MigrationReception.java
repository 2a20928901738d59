package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How the target of a migration receives a machine.
 *
 * @param host the address to listen at, where the kernel chooses the ports; empty for Unix sockets
 * @param disks what becomes of the disks
 * @param tls the certificates; empty for none, which lets everybody on the way read and change the guest
 * @since 0.1
 */
public record MigrationReception(Optional<String> host, Disks disks, Optional<MigrationTls> tls) {
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9.:_-]+");
  private static final int LONGEST_HOST = 253;

  /** What becomes of the disks. */
  public enum Disks {
    /** Both hosts reach the same volumes under the names that the spec says. */
    SHARED,
    /** The target has volumes of its own, whose content is replaced. */
    COPIED
  }

  /** Checks the host, and that certificates are for TCP. */
  public MigrationReception {
    host.ifPresent(name -> requireHost("reception.host", name, LONGEST_HOST));
    if (tls.isPresent() && host.isEmpty()) {
      throw N0Exception.invalid("reception.tls", tls.get(), "must be absent without a host");
    }
  }

  static void requireHost(String field, String host, int most) {
    if (host.length() > most || !HOST.matcher(host).matches()) {
      throw N0Exception.invalid(
          field, host, "must be 1 to " + most + " of letters, digits, '.', ':', '_' and '-'");
    }
  }

  /**
   * Receives through a Unix socket in the machine's directory; the disks are shared.
   *
   * @return the reception
   */
  public static MigrationReception unix() {
    return new MigrationReception(Optional.empty(), Disks.SHARED, Optional.empty());
  }

  /**
   * Receives by TCP; the disks are shared.
   *
   * @param host the address to listen at
   * @return the reception
   */
  public static MigrationReception tcp(String host) {
    return new MigrationReception(Optional.of(host), Disks.SHARED, Optional.empty());
  }

  /**
   * Replaces the content of the target's volumes.
   *
   * @return a changed copy
   */
  public MigrationReception withDisks() {
    return new MigrationReception(host, Disks.COPIED, tls);
  }

  /**
   * Encrypts.
   *
   * @param certificates the certificates
   * @return a changed copy
   */
  public MigrationReception withTls(MigrationTls certificates) {
    return new MigrationReception(host, disks, Optional.of(certificates));
  }
}
