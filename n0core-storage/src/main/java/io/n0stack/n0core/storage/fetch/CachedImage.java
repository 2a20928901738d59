package io.n0stack.n0core.storage.fetch;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Set;

/**
 * An image in a cache.
 *
 * @param path where it is: a file of mode 0400, not to be written to
 * @param digest SHA-256 of its content
 * @param sizeBytes its length
 * @param lastUse when it was last obtained
 * @param references who needs it
 * @since 0.1
 */
public record CachedImage(
    Path path, Digest digest, long sizeBytes, Instant lastUse, Set<String> references) {
  /** Copies the references. */
  public CachedImage {
    references = Set.copyOf(references);
  }
}
