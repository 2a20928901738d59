package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;

/**
 * How the host does a disk's input and output. What is empty is as the driver has it for everybody.
 *
 * @param cache what a write goes through before the guest is told that it is done; empty for {@link Cache#WRITEBACK}
 * @param aio how requests are handed to the host's kernel; empty for {@link Aio#THREADS}
 * @param discard what becomes of what the guest discards; empty for {@link Discard#UNMAP}
 * @param detectZeroes whether zeroes that the guest writes are looked for; empty for {@link DetectZeroes#OFF}
 * @since 0.1
 */
public record DiskTuning(
    Optional<Cache> cache,
    Optional<Aio> aio,
    Optional<Discard> discard,
    Optional<DetectZeroes> detectZeroes) {

  /** What a write goes through before the guest is told that it is done. */
  public enum Cache {
    /** Not through the host's page cache, but the disk's own; the guest flushes. */
    NONE,
    /** Through the host's page cache; the guest flushes. */
    WRITEBACK,
    /** Through the host's page cache and to the disk, each time. */
    WRITETHROUGH,
    /** Past the host's page cache and to the disk, each time. */
    DIRECTSYNC,
    /** Through the host's page cache, and what the guest flushes is lost with the host all the same. */
    UNSAFE;

    /**
     * Says whether the host's page cache is passed by, as open(2) does with {@code O_DIRECT}.
     *
     * @return true if it is
     */
    public boolean direct() {
      return this == NONE || this == DIRECTSYNC;
    }

    /**
     * Says whether the guest has to flush what is to stay.
     *
     * @return false if each write is on the disk when it is done
     */
    public boolean writesLater() {
      return this != WRITETHROUGH && this != DIRECTSYNC;
    }
  }

  /** How requests are handed to the host's kernel. */
  public enum Aio {
    /** By threads that wait for each. */
    THREADS,
    /** By io_submit(2); only past the host's page cache. */
    NATIVE,
    /** By io_uring(7). */
    IO_URING
  }

  /** What becomes of what the guest discards. */
  public enum Discard {
    /** It stays. */
    IGNORE,
    /** The host gets its room back. */
    UNMAP
  }

  /** Whether zeroes that the guest writes are looked for. */
  public enum DetectZeroes {
    /** They are written as they come. */
    OFF,
    /** They are noted down as zeroes. */
    ON,
    /** The host gets their room back; only with {@link Discard#UNMAP}. */
    UNMAP
  }

  /** Checks that the parts fit together. */
  public DiskTuning {
    if (aio.filter(Aio.NATIVE::equals).isPresent()
        && cache.filter(Cache::direct).isEmpty()) {
      throw N0Exception.invalid(
          "disk.tuning.aio", Aio.NATIVE, "must be with cache NONE or DIRECTSYNC");
    }
    if (detectZeroes.filter(DetectZeroes.UNMAP::equals).isPresent()
        && discard.filter(Discard.IGNORE::equals).isPresent()) {
      throw N0Exception.invalid(
          "disk.tuning.detectZeroes", DetectZeroes.UNMAP, "must not be with discard IGNORE");
    }
  }

  /**
   * Returns what everybody has.
   *
   * @return what the {@code with} methods add to
   */
  public static DiskTuning standard() {
    return new DiskTuning(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * Uses another cache.
   *
   * @param other which
   * @return a changed copy
   */
  public DiskTuning withCache(Cache other) {
    return new DiskTuning(Optional.of(other), aio, discard, detectZeroes);
  }

  /**
   * Hands requests to the kernel in another way.
   *
   * @param other which
   * @return a changed copy
   */
  public DiskTuning withAio(Aio other) {
    return new DiskTuning(cache, Optional.of(other), discard, detectZeroes);
  }

  /**
   * Does something else with what the guest discards.
   *
   * @param other what
   * @return a changed copy
   */
  public DiskTuning withDiscard(Discard other) {
    return new DiskTuning(cache, aio, Optional.of(other), detectZeroes);
  }

  /**
   * Looks for zeroes in another way.
   *
   * @param other which
   * @return a changed copy
   */
  public DiskTuning withDetectZeroes(DetectZeroes other) {
    return new DiskTuning(cache, aio, discard, Optional.of(other));
  }
}
