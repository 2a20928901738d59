package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.Rules;
import java.time.Duration;

/**
 * How a new image is encrypted: LUKS with QEMU's defaults, AES-256-XTS.
 *
 * @param secret opens the image
 * @param keyTime how long this machine is to need for one try at the passphrase, 10 ms to 60 s
 * @since 0.1
 */
public record Encryption(Secret secret, Duration keyTime) {
  private static final Duration USUAL = Duration.ofSeconds(2);

  /**
   * Checks the time.
   *
   * @throws io.n0stack.n0core.api.N0Exception INVALID if it is out of range
   */
  public Encryption {
    Rules.range("keyTimeMillis", keyTime.toMillis(), 10, 60_000);
  }

  /**
   * Encrypts with the usual 2 s for one try.
   *
   * @param secret opens the image
   * @return the encryption
   */
  public static Encryption luks(Secret secret) {
    return new Encryption(secret, USUAL);
  }
}
