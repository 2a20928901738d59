package io.n0stack.n0core.storage.file;

import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/** What the files have in common that one {@link DurableFiles} makes. Thread-safe. */
final class Making {
  private final Seam seam;
  // A random number for each name would do as well, and take longer than to make the file.
  private final long first = UUID.randomUUID().getMostSignificantBits();
  private final AtomicLong second = new AtomicLong(UUID.randomUUID().getLeastSignificantBits());

  Making(Seam seam) {
    this.seam = seam;
  }

  Seam seam() {
    return seam;
  }

  /** Returns a name that nobody else gives. */
  String temporaryName() {
    return Temporary.PREFIX + new UUID(first, second.getAndIncrement()) + ".tmp";
  }
}
