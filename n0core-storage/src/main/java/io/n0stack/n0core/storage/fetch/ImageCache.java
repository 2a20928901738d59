package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.PathLock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Images that were fetched once, by what their content hashes to and never by where they are from. Of
 * several threads and processes that want the same image one fetches it. Namespaces, such as one for
 * each tenant, share nothing. Thread-safe; holds nothing between calls.
 *
 * @since 0.1
 */
public final class ImageCache {
  private static final Logger LOG = LoggerFactory.getLogger(ImageCache.class);
  private static final Duration WAIT = Duration.ofMillis(20);

  private final CacheDirectory files;
  private final long capacityBytes;
  private final ImageFetcher fetcher;
  private final Room room;

  /** What is done for an image for which there is no room. */
  private enum Room {
    AS_IS,
    EVICTING
  }

  private ImageCache(CacheDirectory files, long capacityBytes, ImageFetcher fetcher, Room room) {
    this.files = files;
    this.capacityBytes = capacityBytes;
    this.fetcher = fetcher;
    this.room = room;
  }

  /**
   * Opens a namespace of a cache, and makes its directory unless it exists.
   *
   * @param directory absolute path of the cache, where only trusted users can write
   * @param namespace a label; other namespaces see nothing of this one
   * @param capacityBytes the most that all images of the namespace may have in length
   * @param fetcher fetches; not closed
   * @return the cache
   * @throws N0Exception INVALID, naming field and rule; PERMISSION, EXHAUSTED or UNAVAILABLE if the
   *     directory cannot be made
   */
  public static ImageCache open(
      Path directory, String namespace, long capacityBytes, ImageFetcher fetcher) {
    Rules.absolutePath("directory", directory);
    Rules.label("namespace", namespace);
    Rules.range("capacityBytes", capacityBytes, 1, Long.MAX_VALUE);
    CacheDirectory files = new CacheDirectory(directory.resolve(namespace));
    FetchFailures.translated("make", files.images(), () -> {
      files.create();
      return files;
    });
    return new ImageCache(files, capacityBytes, fetcher, Room.AS_IS);
  }

  /**
   * Returns the same cache, but one that makes room for what is put into it: images that nobody needs are evicted,
   * the longest unused first, as many as it takes, and none for an image that could not have room even so. For room
   * within the capacity that is done when the new image is verified; until then its file is there beside the
   * others. If the disk is full while {@link #obtain} fetches, it is done at once.
   *
   * @return another view of the cache
   */
  public ImageCache evicting() {
    return new ImageCache(files, capacityBytes, fetcher, Room.EVICTING);
  }

  /** Work under the lock on the names. */
  private <R> R locked(String operation, Failures.Work<R> work) {
    return FetchFailures.translated(operation, files.images(), () -> {
      PathLock lock = files.lock();
      try {
        return work.run();
      } finally {
        lock.close();
      }
    });
  }

  /**
   * Returns an image that meets rules, fetched unless it is here, and pins it for whoever asks. The
   * parts of transfers that break off are kept, whatever the request says.
   *
   * @param request what to fetch; must have a digest
   * @param reference who needs it, such as the id of a volume: 1 to 128 of {@code A-Z a-z 0-9 . _ -}
   * @param listener hears how far it has come, and cancels by throwing
   * @return the image
   * @throws N0Exception EXHAUSTED if there is no room within the capacity; otherwise as for {@link
   *     ImageFetcher#fetch(FetchRequest, Path, FetchListener)}
   */
  public CachedImage obtain(FetchRequest request, String reference, FetchListener listener) {
    request.rules().requireDigest();
    CacheDirectory.requireReference(reference);
    Patience patience = new Patience(
        "obtain " + Rules.quote(UriRules.shown(request.uri())),
        request.timeout(),
        request.idleTimeout(),
        listener);
    String key = key(request.rules());
    while (true) {
      Optional<CachedImage> found = present(request.rules(), reference);
      if (found.isPresent()) {
        return found.get();
      }
      Optional<PathLock> taken = FetchFailures.translated(
          "lock", files.transferLock(key), () -> PathLock.take(files.transferLock(key)));
      if (taken.isEmpty()) {
        patience.pause(WAIT);
        continue;
      }
      return transferring(taken.get(), key, () -> {
        Optional<CachedImage> meanwhile = present(request.rules(), reference);
        return meanwhile.isPresent()
            ? meanwhile.get()
            : fetch(request, key, reference, patience, listener);
      });
    }
  }

  private CachedImage transferring(PathLock taken, String key, Failures.Work<CachedImage> work) {
    return FetchFailures.translated("write", files.staging(key), () -> {
      try (PathLock lock = taken) {
        Files.deleteIfExists(files.staging(key));
        try {
          return work.run();
        } finally {
          Files.deleteIfExists(files.staging(key));
          lock.delete();
        }
      }
    });
  }

  private CachedImage fetch(
      FetchRequest request,
      String key,
      String reference,
      Patience patience,
      FetchListener listener) {
    FetchRequest limited = request
        .withRules(limited(request.rules()))
        .withPart(
            request.rules().digests().isEmpty()
                ? FetchRequest.Part.DISCARD
                : FetchRequest.Part.KEEP);
    Fetched fetched = withinCapacity(
        request.rules(), () -> fetchOntoDisk(limited, files.staging(key), patience, listener));
    return admit(fetched, request.rules(), reference);
  }

  /** How much of an image takes space is seen when it is written, for blocks of zeroes take none. */
  private Fetched fetchOntoDisk(
      FetchRequest request, Path target, Patience patience, FetchListener listener) {
    while (true) {
      try {
        return fetcher.fetch(
            request.withTimeouts(patience.remaining(), request.idleTimeout()), target, listener);
      } catch (N0Exception e) {
        if (e.code() != N0Exception.Code.EXHAUSTED
            || room != Room.EVICTING
            || !locked("evict from", () -> evictFor(1))) {
          throw e;
        }
      }
    }
  }

  /**
   * Puts what a stream holds into the cache, by the same rules, and pins it.
   *
   * @param in read to its end, not closed
   * @param rules what the content must be; the digests may be left out
   * @param reference who needs it
   * @param listener hears how far it has come, and cancels by throwing
   * @return the image
   * @throws N0Exception EXHAUSTED if there is no room within the capacity; otherwise as for {@link
   *     ImageFetcher#importFrom}
   */
  public CachedImage importFrom(
      InputStream in, ContentRules rules, String reference, FetchListener listener) {
    CacheDirectory.requireReference(reference);
    String key = "import-" + UUID.randomUUID();
    PathLock lock = FetchFailures.translated(
        "lock",
        files.transferLock(key),
        () -> PathLock.take(files.transferLock(key))
            .orElseThrow(() -> new IOException("held elsewhere")));
    return transferring(lock, key, () -> {
      ContentRules limited = limited(rules);
      Fetched fetched = withinCapacity(
          rules, () -> fetcher.importFrom(in, limited, files.staging(key), listener));
      return admit(fetched, rules, reference);
    });
  }

  private ContentRules limited(ContentRules rules) {
    long left = FetchFailures.translated(
        "measure",
        files.images(),
        () -> capacityBytes
            - files.usedBytes()
            + (room == Room.EVICTING ? evictableBytes(files.list()) : 0));
    if (left < 1) {
      throw exhausted(1);
    }
    return rules.limitedTo(left);
  }

  private static long evictableBytes(List<CachedImage> images) {
    return images.stream()
        .filter(image -> image.references().isEmpty())
        .mapToLong(CachedImage::sizeBytes)
        .sum();
  }

  /** Evicts what has so many bytes or, with the last one, more; nothing and false if there is not so much. */
  private boolean evictFor(long bytes) throws IOException {
    List<CachedImage> images = files.list();
    if (evictableBytes(images) < bytes) {
      return false;
    }
    long[] missing = {bytes};
    Eviction done =
        evict(images, image -> missing[0] > 0, image -> missing[0] -= image.sizeBytes());
    LOG.info(
        "evicted {} to make room",
        done.evicted().stream().map(CachedImage::digest).toList());
    return true;
  }

  private N0Exception exhausted(long bytes) {
    return new N0Exception(
        N0Exception.Code.EXHAUSTED,
        files.images().toString(),
        "cache " + Rules.quote(files.images().toString()) + ": no room for " + bytes
            + " bytes or more within the capacity of " + capacityBytes);
  }

  /** A limit that is ours, and not the caller's, makes no request invalid. */
  private Fetched withinCapacity(ContentRules rules, Failures.Work<Fetched> work) {
    try {
      return FetchFailures.translated("write", files.images(), work);
    } catch (ContentTooLargeException e) {
      if (e.limitBytes() < (e.isOfContent() ? rules.maxContentBytes() : rules.receivable())) {
        N0Exception full = exhausted(e.limitBytes() + 1);
        full.addSuppressed(e);
        throw full;
      }
      throw e;
    }
  }

  private CachedImage admit(Fetched fetched, ContentRules rules, String reference) {
    Digest digest = fetched.contentSha256();
    return locked("admit image to", () -> {
      if (files.find(digest).isEmpty()) {
        requireRoom(fetched.sizeBytes());
      }
      files.pin(digest, reference);
      files.admit(fetched.path(), digest);
      for (String alias : names(rules).toList()) {
        if (!alias.equals(digest.fileName())) {
          files.writeAlias(alias, digest);
        }
      }
      files.touch(digest);
      return files.find(digest).orElseThrow();
    });
  }

  private void requireRoom(long bytes) throws IOException {
    long missing = bytes - (capacityBytes - files.usedBytes());
    if (missing > 0 && (room != Room.EVICTING || !evictFor(missing))) {
      throw exhausted(bytes);
    }
  }

  /** Finds an image of which everything that rules demand was verified, and pins it. */
  private Optional<CachedImage> present(ContentRules rules, String reference) {
    return locked("look for image in", () -> {
      Optional<Digest> digest = resolved(rules);
      if (digest.isEmpty()) {
        return Optional.empty();
      }
      Optional<CachedImage> found = files.find(digest.get());
      if (found.isEmpty()) {
        return found;
      }
      // Another gate, or a lower limit, than when it was fetched.
      long size = found.get().sizeBytes();
      if (size > rules.maxContentBytes()) {
        throw new ContentTooLargeException(
            "source.contentSize", String.valueOf(size), rules.maxContentBytes());
      }
      rules.gate().complete(found.get().path());
      files.pin(digest.get(), reference);
      files.touch(digest.get());
      return files.find(digest.get());
    });
  }

  private Optional<Digest> resolved(ContentRules rules) throws IOException {
    Optional<Digest> all = Optional.empty();
    for (String name : names(rules).toList()) {
      Optional<Digest> one = name.matches("sha256-[0-9a-f]{64}")
          ? Optional.of(Digest.ofFileName(name))
          : files.alias(name);
      if (one.isEmpty() || (all.isPresent() && !all.equals(one))) {
        return Optional.empty();
      }
      all = one;
    }
    return all;
  }

  /** Names what rules demand: the SHA-256 of content is an image's own name, all else an alias. */
  private static Stream<String> names(ContentRules rules) {
    String suffix = rules
        .compression()
        .map(ImageSource.Compression::name)
        .map(name -> "-" + name.toLowerCase(Locale.ROOT))
        .orElse("");
    return Stream.concat(
        rules.digests().stream().map(digest -> digest.fileName() + suffix),
        rules.contentDigests().stream().map(Digest::fileName));
  }

  private static String key(ContentRules rules) {
    return names(rules).sorted().findFirst().orElseThrow();
  }

  /**
   * Looks for an image.
   *
   * @param digest SHA-256 of its content
   * @return the image, empty if it is not here
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read
   */
  public Optional<CachedImage> find(Digest digest) {
    requireSha256(digest);
    return FetchFailures.translated("look for image in", files.images(), () -> files.find(digest));
  }

  /**
   * Lists all images.
   *
   * @return the images, in no order
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read
   */
  public List<CachedImage> images() {
    return FetchFailures.translated("list", files.images(), files::list);
  }

  /**
   * Measures the cache.
   *
   * @return the lengths of all images, with those in quarantine
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read
   */
  public long usedBytes() {
    return FetchFailures.translated("measure", files.images(), files::usedBytes);
  }

  /**
   * Keeps an image from being evicted. Pinning twice is like once.
   *
   * @param digest SHA-256 of its content
   * @param reference who needs it
   * @throws N0Exception NOT_FOUND if it is not here; INVALID for another reference than {@link #obtain}
   *     takes
   */
  public void pin(Digest digest, String reference) {
    requireSha256(digest);
    CacheDirectory.requireReference(reference);
    locked("pin image in", () -> {
      CachedImage found = existing(digest);
      files.pin(digest, reference);
      return found;
    });
  }

  /**
   * Takes a pin away; that of an image that is not here too.
   *
   * @param digest SHA-256 of its content
   * @param reference who no longer needs it
   */
  public void unpin(Digest digest, String reference) {
    requireSha256(digest);
    CacheDirectory.requireReference(reference);
    locked("unpin image in", () -> {
      files.unpin(digest, reference);
      return digest;
    });
  }

  /**
   * Reads an image again, and moves it away if it is not what it was. Those who have it open keep what
   * they have; the next {@link #obtain} brings a sound one to the same place.
   *
   * @param digest SHA-256 of its content
   * @param listener hears how far it has come, and cancels by throwing
   * @return what was found
   * @throws N0Exception NOT_FOUND if it is not here; UNAVAILABLE if it cannot be read
   */
  public Verification verify(Digest digest, FetchListener listener) {
    requireSha256(digest);
    CachedImage image =
        FetchFailures.translated("look for image in", files.images(), () -> existing(digest));
    Digest found = FetchFailures.translated("read", image.path(), () -> {
      try (ImageExport export = ImageExport.open(image.path())) {
        export.drain(listener);
        return export.digest(Digest.Algorithm.SHA256);
      }
    });
    if (found.equals(digest)) {
      return new Verification(image, found, Optional.empty());
    }
    Path away = locked("set aside image of", () -> files.quarantine(image));
    return new Verification(image, found, Optional.of(away));
  }

  private CachedImage existing(Digest digest) throws IOException {
    return files
        .find(digest)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.NOT_FOUND,
            digest.toString(),
            "find " + digest + " in " + Rules.quote(files.images().toString()) + ": not there"));
  }

  /**
   * Unlinks images that nobody needs, the longest unused first, until the rest fits.
   *
   * @param bytes what the images may have in length together
   * @return what was done
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read or changed
   */
  public Eviction evictTo(long bytes) {
    Rules.range("bytes", bytes, 0, Long.MAX_VALUE);
    return locked("evict from", () -> {
      List<CachedImage> images = files.list();
      long[] left = {images.stream().mapToLong(CachedImage::sizeBytes).sum()};
      return evict(images, image -> left[0] > bytes, image -> left[0] -= image.sizeBytes());
    });
  }

  /**
   * Unlinks images that nobody needs and nobody has obtained for some time.
   *
   * @param age how long
   * @return what was done
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read or changed
   */
  public Eviction evictUnusedFor(Duration age) {
    Instant newest = Instant.now().minus(age);
    return locked(
        "evict from",
        () -> evict(files.list(), image -> !image.lastUse().isAfter(newest), image -> {}));
  }

  private Eviction evict(
      List<CachedImage> images,
      Predicate<CachedImage> unwanted,
      java.util.function.Consumer<CachedImage> gone)
      throws IOException {
    List<CachedImage> evicted = new ArrayList<>();
    List<CachedImage> pinned = new ArrayList<>();
    long freed = 0;
    List<CachedImage> oldest = new ArrayList<>(images);
    oldest.sort(Comparator.comparing(CachedImage::lastUse));
    for (CachedImage image : oldest) {
      if (!unwanted.test(image)) {
        continue;
      }
      if (!image.references().isEmpty()) {
        pinned.add(image);
        continue;
      }
      files.evict(image);
      gone.accept(image);
      evicted.add(image);
      freed += image.sizeBytes();
    }
    return new Eviction(evicted, pinned, freed);
  }

  /**
   * Unlinks what processes that died have left, except for parts that a transfer can go on with.
   *
   * @return the number of files
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read or changed
   */
  public int sweep() {
    return locked("sweep", files::sweep);
  }

  /**
   * Unlinks parts that nobody goes on with.
   *
   * @param unusedFor how long they must not have been written to
   * @return the number of parts
   * @throws N0Exception UNAVAILABLE or PERMISSION if the cache cannot be read or changed
   */
  public int sweepParts(Duration unusedFor) {
    return locked("sweep", () -> files.sweepParts(unusedFor));
  }

  private static void requireSha256(Digest digest) {
    if (digest.algorithm() != Digest.Algorithm.SHA256) {
      throw N0Exception.invalid("digest", digest, "must be sha256, by which images are known");
    }
  }
}
