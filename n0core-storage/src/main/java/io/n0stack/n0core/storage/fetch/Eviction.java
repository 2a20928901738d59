package io.n0stack.n0core.storage.fetch;

import java.util.List;

/**
 * What an eviction did.
 *
 * @param evicted images that are gone, the longest unused first
 * @param pinned images that would have gone too, were they not needed
 * @param freedBytes the lengths of those that are gone
 * @since 0.1
 */
public record Eviction(List<CachedImage> evicted, List<CachedImage> pinned, long freedBytes) {
  /** Copies the lists. */
  public Eviction {
    evicted = List.copyOf(evicted);
    pinned = List.copyOf(pinned);
  }
}
