package io.n0stack.n0core.storage.fetch;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What reading an image again has shown.
 *
 * @param image the image
 * @param found SHA-256 of the bytes that are there
 * @param quarantine where the file was moved because they are not those of the image; empty if they are
 * @since 0.1
 */
public record Verification(CachedImage image, Digest found, Optional<Path> quarantine) {
  /**
   * Tells whether the image is what it was.
   *
   * @return false if it was moved away
   */
  public boolean isSound() {
    return found.equals(image.digest());
  }
}
