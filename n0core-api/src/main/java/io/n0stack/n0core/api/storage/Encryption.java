package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;

/**
 * How a volume is encrypted: LUKS within qcow2. The passphrase is in a file, because a spec is kept and
 * shown; whoever may read the file, and nobody else, can read the volume.
 *
 * @param keyFile absolute path of a file with the passphrase, all its bytes, 1 to 1024 of them; it must stay
 *     for as long as the volume is used
 * @since 0.1
 */
public record Encryption(Path keyFile) {
  /** Checks the path. */
  public Encryption {
    Rules.absolutePath("encryption.keyFile", keyFile);
  }
}
