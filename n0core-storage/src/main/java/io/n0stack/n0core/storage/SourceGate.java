package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.ImageGate.Inspected;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Decides what may be shown to {@code qemu-img}: images from outside stand alone, and a volume of the
 * pool has the layers and the backing file that its record names, down to the bottom.
 */
final class SourceGate {
  private static final int DEPTH = 200;
  private static final long QCOW2_LIMIT_BYTES = 1L << 51; // what 32 MiB of L1 table can address
  private static final int LUKS = 2; // crypt_method in the header, docs/interop/qcow2.txt

  private final VolumePool pool;
  private final ImageGate outside = ImageGate.standard();
  private final ImageGate ours = ImageGate.limitedTo(Long.MAX_VALUE);

  SourceGate(VolumePool pool) {
    this.pool = pool;
  }

  /** Checks a whole spec, without side effect, and settles the size. */
  VolumeRecord plan(ResourceId id, VolumeSpec desired, Optional<Long> sourceBytes) {
    long size = desired.sizeBytes().or(() -> sourceBytes).orElseThrow();
    sourceBytes.ifPresent(least -> requireNotSmaller(size, least));
    requirePossible(desired.format(), size);
    return VolumeRecord.of(id, desired.format(), size, desired.source())
        .made(desired.preallocation().orElse(Preallocation.OFF), desired.encryption());
  }

  static void requirePossible(ImageFormat format, long size) {
    if (format == ImageFormat.QCOW2) {
      Rules.range("sizeBytes", size, 512, QCOW2_LIMIT_BYTES);
    }
  }

  static void requireNotSmaller(long size, long least) {
    if (size < least) {
      throw N0Exception.invalid(
          "sizeBytes", size, "must be at least " + least + "; to shrink is an action of its own");
    }
  }

  /** A key is not brought near an image of a stranger. */
  static void requireNotEncrypted(VolumeSpec desired, ImageSource.Conversion source) {
    if (desired.encryption().isPresent()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "encryption",
          "encryption of what is converted from " + source.from() + " " + source.image()
              + ": make a volume of it, export that, and make the encrypted one of the copy");
    }
  }

  /** Inspects the file that a guest of a finished volume writes to, and all beneath it. */
  Inspected volume(VolumeRecord record) {
    return stack(record, record.shape(), 0);
  }

  /** Tells why the files of a volume are not of a shape; empty if they are. */
  Optional<String> obstacle(VolumeRecord record, Shape shape) {
    List<Path> files = pool.layers(Stage.READY, record, shape);
    for (int i = files.size() - 1; i >= 0; i--) {
      Path file = files.get(i);
      if (VolumePool.look(file).isEmpty()) {
        return Optional.of("there is no " + file);
      }
      Inspected found = layer(record, file, i);
      Optional<String> named = found.header().flatMap(Qcow2Header::backingFile);
      Optional<String> recorded = i > 0
          ? Optional.of(files.get(i - 1).toString())
          : shape.base().map(base -> base.image().toString());
      if (!named.equals(recorded)) {
        return Optional.of("its disk names " + Rules.quote(named.orElse(""))
            + " as backing file, its record " + Rules.quote(recorded.orElse("")));
      }
    }
    return Optional.empty();
  }

  /** Refuses one more layer on a disk that lies on as many images as a disk may. */
  void requireRoomAbove(VolumeRecord record) {
    int images = record.shape().snapshots().size() + beneath(record);
    if (images >= DEPTH) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          record.id().toString(),
          "external snapshot of " + record.id() + ": its disk would lie on " + (images + 1)
              + " images, must be " + DEPTH + " at most; delete snapshots, or flatten it");
    }
  }

  private int beneath(VolumeRecord record) {
    int images = 0;
    Optional<ImageSource.Backing> at = record.shape().base();
    while (at.isPresent() && images < DEPTH) {
      Path file = at.get().image();
      Optional<ResourceId> owner = FileFailures.translated("look at", file, () -> pool.owner(file));
      if (owner.isEmpty()) {
        return images + 1; // it was inspected: it stands alone
      }
      VolumeRecord below = pool.record(Stage.READY, owner.get());
      images += pool.layers(Stage.READY, below, below.shape()).indexOf(file) + 1;
      at = below.shape().base();
    }
    return images;
  }

  private Inspected stack(VolumeRecord record, Shape shape, int depth) {
    obstacle(record, shape).ifPresent(why -> {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          record.id().toString(),
          "inspect " + record.id() + ": " + why);
    });
    List<Path> files = pool.layers(Stage.READY, record, shape);
    int layers = files.size();
    shape.base().ifPresent(base -> image(base.image(), base.format(), depth + layers));
    return layer(record, files.get(layers - 1), layers - 1);
  }

  private Inspected layer(VolumeRecord record, Path file, int index) {
    ImageFormat format = index == 0 ? record.format() : ImageFormat.QCOW2;
    if (record.encryption().isEmpty()) {
      return ours.inspectLayer(file, format);
    }
    Inspected found = ours.allowingLuks().inspectLayer(file, format);
    if (found.header().map(Qcow2Header::encryption).orElse(0) != LUKS) {
      throw N0Exception.invalid("image.encryption", "none", "must be LUKS, as its record says");
    }
    return found;
  }

  /** Inspects an image that was downloaded. */
  Inspected fetched(Path image, ImageFormat format) {
    return outside.inspect(image, format);
  }

  /** Inspects an image of the host that a volume is to be made of or to lie on. */
  Inspected image(Path image, ImageFormat format) {
    return image(image, format, 0);
  }

  private Inspected image(Path image, ImageFormat format, int depth) {
    if (depth >= DEPTH) {
      throw N0Exception.invalid(
          "source.image", image, "must not lie on more than " + DEPTH + " images");
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
    if (record.encryption().isPresent()) {
      throw N0Exception.invalid(
          "source.image", image, "must not be encrypted, as " + owner.get() + " is");
    }
    List<Path> files = pool.layers(Stage.READY, record, record.shape());
    int index = files.indexOf(image);
    if (index < 0) {
      throw N0Exception.invalid(
          "source.image", image, "must be a layer of " + owner.get() + ", of its canonical path");
    }
    ImageFormat recorded = index == 0 ? record.format() : ImageFormat.QCOW2;
    if (recorded != format) {
      throw N0Exception.invalid(
          "source.format", format, "must be " + recorded + ", as " + owner.get() + " is");
    }
    Shape below =
        new Shape(record.shape().snapshots().subList(0, index), record.shape().base());
    return stack(record, below, depth);
  }
}
