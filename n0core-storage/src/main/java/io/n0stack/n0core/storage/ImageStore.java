package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.storage.fetch.CachedImage;
import io.n0stack.n0core.storage.fetch.ContentGate;
import io.n0stack.n0core.storage.fetch.ContentRules;
import io.n0stack.n0core.storage.fetch.FetchRequest;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.storage.fetch.ImageFetcher;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings images, most of them from HTTP servers, into the pool's cache. */
final class ImageStore implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ImageStore.class);
  static final String DIRECTORY = ".images";
  private static final String NAMESPACE = "volumes";
  private static final Duration LONGEST = Duration.ofDays(1);
  private static final Duration PARTS_KEPT = Duration.ofDays(7);
  private static final Duration IDLE = Duration.ofMinutes(1);

  private final VolumePool pool;
  private final long capacityBytes;
  private final ImageFetcher fetcher;
  private final AtomicBoolean swept = new AtomicBoolean();

  ImageStore(VolumePool pool, long capacityBytes, ImageFetcher fetcher) {
    this.pool = pool;
    this.capacityBytes = capacityBytes;
    this.fetcher = fetcher;
  }

  /**
   * Opens the cache, and makes its directory unless it exists. At the first time what processes that
   * died have left there is unlinked.
   */
  ImageCache cache() {
    FileFailures.translate("make", pool.directory(), pool::create);
    ImageCache cache =
        ImageCache.open(pool.directory().resolve(DIRECTORY), NAMESPACE, capacityBytes, fetcher);
    if (swept.compareAndSet(false, true)) {
      int files = cache.sweep();
      int parts = cache.sweepParts(PARTS_KEPT);
      LOG.debug(
          "unlinked {} files and {} parts of images that nobody makes any more", files, parts);
    }
    return cache;
  }

  /**
   * Fetches an image unless it is here, and keeps it from being evicted. Where there is no room, images
   * that nobody needs are evicted for it.
   */
  ImageSource.Copy obtain(Context cx, ResourceId id, ImageSource.Download source) {
    Duration limit = cx.remaining().compareTo(LONGEST) < 0 ? cx.remaining() : LONGEST;
    FetchRequest request = FetchRequest.of(
            source.uri(),
            ContentRules.of(source)
                .gate(ContentGate.of(ImageGate.standard(), source.format()))
                .build())
        .withTimeouts(limit, IDLE);
    CachedImage image = cache()
        .evicting()
        .obtain(
            request,
            id.uid().toString(),
            (received, total) -> cx.progress(
                total.isPresent() && total.getAsLong() > 0
                    ? Math.min(1, (double) received / total.getAsLong())
                    : 0,
                "fetch"));
    return new ImageSource.Copy(image.path(), source.format());
  }

  /** Lets images be evicted, as far as this volume is concerned. */
  void release(ResourceId id) {
    if (VolumePool.look(pool.directory().resolve(DIRECTORY)).isEmpty()) {
      return;
    }
    String reference = id.uid().toString();
    ImageCache cache = cache();
    cache.images().stream()
        .filter(image -> image.references().contains(reference))
        .forEach(image -> cache.unpin(image.digest(), reference));
  }

  /** Ends what is being fetched. */
  @Override
  public void close() {
    fetcher.close();
  }
}
