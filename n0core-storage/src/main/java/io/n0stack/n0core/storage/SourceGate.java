package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Decides what may be shown to {@code qemu-img}: images from outside stand alone, and a volume of the
 * pool has the backing file that its record names, down to the bottom.
 */
final class SourceGate {
  private static final int DEPTH = 32;
  private static final long QCOW2_LIMIT_BYTES = 1L << 51; // what 32 MiB of L1 table can address

  private final VolumePool pool;
  private final ImageGate outside = ImageGate.standard();
  private final ImageGate ours = ImageGate.limitedTo(Long.MAX_VALUE);

  SourceGate(VolumePool pool) {
    this.pool = pool;
  }

  /** Checks a whole spec, without side effect, and settles the size. */
  VolumeRecord plan(ResourceId id, VolumeSpec desired) {
    Optional<Long> sourceBytes = desired.source().map(this::sourceBytes);
    long size = desired.sizeBytes().or(() -> sourceBytes).orElseThrow();
    sourceBytes.ifPresent(least -> requireNotSmaller(size, least));
    requirePossible(desired.format(), size);
    return new VolumeRecord(id, desired.format(), size, desired.source());
  }

  static void requirePossible(ImageFormat format, long size) {
    if (format == ImageFormat.QCOW2) {
      Rules.range("sizeBytes", size, 512, QCOW2_LIMIT_BYTES);
    }
  }

  static void requireNotSmaller(long size, long least) {
    if (size < least) {
      throw N0Exception.invalid(
          "sizeBytes", size, "must be at least " + least + "; a volume never shrinks");
    }
  }

  private long sourceBytes(ImageSource source) {
    if (source instanceof ImageSource.Backing backing) {
      return image(backing.image(), backing.format(), 0).sizeBytes();
    }
    if (source instanceof ImageSource.Copy copy) {
      return image(copy.image(), copy.format(), 0).sizeBytes();
    }
    throw new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        "source",
        "unsupported source " + Rules.quote(source.toString())
            + ": this driver takes Backing and Copy, files of this host");
  }

  /** Inspects the disk of a finished volume and all beneath it. */
  ImageGate.Inspected volume(VolumeRecord record) {
    return layer(record, pool.disk(Stage.READY, record.id(), record.format()), 0);
  }

  private ImageGate.Inspected image(Path image, ImageFormat format, int depth) {
    if (depth >= DEPTH) {
      throw N0Exception.invalid("source.image", image, "must not lie on more than 32 images");
    }
    Optional<ResourceId> owner;
    try {
      owner = pool.owner(image);
    } catch (IOException e) {
      // Reported by the gate, which says whether it is missing, refused or unreadable.
      return outside.inspect(image, format);
    }
    if (owner.isEmpty()) {
      return outside.inspect(image, format);
    }
    VolumeRecord record = pool.record(Stage.READY, owner.get());
    if (record.format() != format) {
      throw N0Exception.invalid(
          "source.format", format, "must be " + record.format() + ", as " + owner.get() + " is");
    }
    return layer(record, image, depth);
  }

  private ImageGate.Inspected layer(VolumeRecord record, Path disk, int depth) {
    ImageGate.Inspected found = ours.inspectLayer(disk, record.format());
    Optional<String> named = found.header().flatMap(Qcow2Header::backingFile);
    Optional<String> recorded = record.backing().map(backing -> backing.image().toString());
    if (!named.equals(recorded)) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          record.id().toString(),
          "inspect " + record.id() + ": its disk names " + Rules.quote(named.orElse(""))
              + " as backing file, its record " + Rules.quote(recorded.orElse("")));
    }
    record.backing().ifPresent(backing -> image(backing.image(), backing.format(), depth + 1));
    return found;
  }
}
