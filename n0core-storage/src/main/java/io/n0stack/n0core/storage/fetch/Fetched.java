package io.n0stack.n0core.storage.fetch;

import java.nio.file.Path;
import java.util.Set;

/**
 * Content that was verified and published.
 *
 * @param path where it is
 * @param sizeBytes its length
 * @param receivedBytes length of what was published at the source: more or less if that is compressed
 * @param resumedBytes how many of these were there from an earlier attempt
 * @param digests of the bytes as published at the source: those expected, and SHA-256
 * @param contentDigests of the content: those expected, and SHA-256
 * @since 0.1
 */
public record Fetched(
    Path path,
    long sizeBytes,
    long receivedBytes,
    long resumedBytes,
    Set<Digest> digests,
    Set<Digest> contentDigests) {
  /** Copies the sets. */
  public Fetched {
    digests = Set.copyOf(digests);
    contentDigests = Set.copyOf(contentDigests);
  }

  /**
   * Returns the SHA-256 of the content.
   *
   * @return the digest that an {@link ImageCache} knows it by
   */
  public Digest contentSha256() {
    return contentDigests.stream()
        .filter(digest -> digest.algorithm() == Digest.Algorithm.SHA256)
        .findFirst()
        .orElseThrow();
  }
}
