package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.Secret;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;

/** Reads passphrases from where specs say that they are. */
final class Keys {
  private static final int MOST_BYTES = 1024;

  private Keys() {}

  /** Works on a volume's image, with the passphrase if it is encrypted. */
  static <R> R with(VolumeRecord record, ImageFile image, Function<ImageFile, R> work) {
    if (record.encryption().isEmpty()) {
      return work.apply(image);
    }
    try (Secret secret = read(record.encryption().get())) {
      return work.apply(image.withSecret(secret));
    }
  }

  /** Reads a passphrase, which the caller wipes by closing it. */
  static Secret read(Encryption encryption) {
    Path file = encryption.keyFile();
    byte[] bytes = FileFailures.translated("read key file", file, () -> {
      try (InputStream in = Files.newInputStream(file)) {
        return in.readNBytes(MOST_BYTES + 1);
      }
    });
    try {
      if (bytes.length < 1 || bytes.length > MOST_BYTES) {
        throw N0Exception.invalid(
            "encryption.keyFile",
            Rules.quote(file.toString()),
            "must have 1 to " + MOST_BYTES + " bytes");
      }
      return Secret.ofUtf8(bytes);
    } finally {
      Arrays.fill(bytes, (byte) 0);
    }
  }
}
