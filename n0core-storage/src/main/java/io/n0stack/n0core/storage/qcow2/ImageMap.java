package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.ImageExtent.Kind;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where the parts of a disk are stored, from its beginning to its end: what {@code qemu-img map} says.
 * It is read piece by piece while it is asked for, in memory that does not grow with the disk.
 *
 * <p>Takes no lock. While a machine writes to the image the map may be of no single moment. External data
 * files are not opened; their holes are not told from data.
 *
 * <p>Not thread-safe. The caller closes it.
 *
 * @since 0.1
 */
public final class ImageMap implements AutoCloseable {
  // Two buffers a layer: at most 3 MiB for the deepest chain.
  private static final int USUAL_LAYERS = 16;
  private static final int SMALL_WINDOW_BYTES = 8 << 10;

  private final Path image;
  private final int windowBytes;
  private final List<Closeable> open = new ArrayList<>();
  private final List<LayerMap> layers = new ArrayList<>();
  private final List<LayerMap.@Nullable Run> runs = new ArrayList<>();
  private long position;
  private @Nullable ImageExtent ahead;

  private ImageMap(Path image, int depth) {
    this.image = image;
    windowBytes = depth <= USUAL_LAYERS ? FileWindow.BYTES : SMALL_WINDOW_BYTES;
  }

  /**
   * Opens the map of a disk with all that lies beneath it.
   *
   * @param chain the image and its backing files
   * @return the map, at its beginning
   * @throws N0Exception UNSUPPORTED if the chain has a backing file that was not opened, and otherwise as
   *     for {@link Qcow2Header#read(Path)}
   */
  public static ImageMap open(Qcow2Chain chain) {
    chain.unopened().ifPresent(end -> {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "image.backingFile",
          "read map: backing file " + Rules.quote(end.name()) + " cannot be opened: "
              + end.reason());
    });
    return open(chain.layers());
  }

  private static ImageMap open(List<Qcow2Chain.Layer> chain) {
    ImageMap map = new ImageMap(chain.get(0).image(), chain.size());
    try {
      for (Qcow2Chain.Layer layer : chain) {
        map.add(layer.image(), layer.format());
      }
      return map;
    } catch (N0Exception e) {
      map.close();
      throw e;
    }
  }

  /**
   * Opens the map of one image, in which all that its backing file decides is unallocated.
   *
   * @param image absolute path of the image
   * @param format its format, as its owner states
   * @return the map, at its beginning
   * @throws N0Exception as for {@link Qcow2Header#read(Path)}
   */
  public static ImageMap openLayer(Path image, ImageFormat format) {
    return open(List.of(new Qcow2Chain.Layer(image, format, Optional.empty())));
  }

  private void add(Path path, ImageFormat format) {
    try {
      FileChannel file = ImageFiles.open(path);
      open.add(file);
      layers.add(format == ImageFormat.RAW ? raw(path, file) : qcow2(path, file));
      runs.add(null);
    } catch (IOException e) {
      throw ImageFiles.failure("read map of image", path, e);
    }
  }

  private LayerMap raw(Path path, FileChannel file) throws IOException {
    return new RawLayer(host(path), file.size());
  }

  private LayerMap qcow2(Path path, FileChannel file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    LayerMap layer = new Qcow2Layer(file, header, windowBytes);
    boolean inside = !header.features().externalDataFile() && header.encryption() == 0;
    return inside && Preallocation.isIn(file, header, HostFile.allocatedBytes(path))
        ? new SparseLayer(layer, host(path))
        : layer;
  }

  private HostFile host(Path path) throws IOException {
    HostFile host = HostFile.open(path);
    open.add(host);
    return host;
  }

  /**
   * Returns the size of the disk.
   *
   * @return bytes
   */
  public long sizeBytes() {
    return layers.get(0).sizeBytes() / 512 * 512;
  }

  /**
   * Returns the next part of the disk. It begins where the one before ended, and differs from it.
   *
   * @return empty at the end of the disk
   * @throws N0Exception INVALID for tables that are not sound, UNAVAILABLE if they cannot be read,
   *     CANCELLED if the thread was interrupted
   */
  public Optional<ImageExtent> next() {
    try {
      ImageExtent current = ahead == null ? piece() : ahead;
      ahead = null;
      while (current != null && ahead == null) {
        ImageExtent next = piece();
        if (next == null) {
          break;
        }
        if (isContinued(current, next)) {
          current = new ImageExtent(
              current.start(),
              current.length() + next.length(),
              current.depth(),
              current.kind(),
              current.hostOffset());
        } else {
          ahead = next;
        }
      }
      return Optional.ofNullable(current);
    } catch (IOException e) {
      throw ImageFiles.failure("read map of image", image, e);
    }
  }

  /**
   * Shows all parts that are left, in their order.
   *
   * @param reader takes them
   * @throws N0Exception as for {@link #next()}
   */
  public void forEach(Consumer<ImageExtent> reader) {
    Optional<ImageExtent> extent = next();
    while (extent.isPresent()) {
      reader.accept(extent.get());
      extent = next();
    }
  }

  private static boolean isContinued(ImageExtent extent, ImageExtent next) {
    OptionalLong host = extent.hostOffset();
    OptionalLong expected =
        host.isPresent() ? OptionalLong.of(host.getAsLong() + extent.length()) : host;
    return extent.depth() == next.depth()
        && extent.kind() == next.kind()
        && expected.equals(next.hostOffset());
  }

  private @Nullable ImageExtent piece() throws IOException {
    if (position >= sizeBytes()) {
      return null;
    }
    long most = sizeBytes() - position;
    int depth = 0;
    LayerMap.Run run = run(0).cutTo(most);
    // A layer decides also where the one beneath has ended.
    while (run.kind() == Kind.UNALLOCATED
        && depth + 1 < layers.size()
        && layers.get(depth + 1).sizeBytes() > position) {
      depth++;
      most = Math.min(run.length(), layers.get(depth).sizeBytes() - position);
      run = run(depth).cutTo(most);
    }
    OptionalLong host = run.host() < 0 ? OptionalLong.empty() : OptionalLong.of(run.host());
    ImageExtent extent = new ImageExtent(position, run.length(), depth, run.kind(), host);
    position += run.length();
    return extent;
  }

  /** Keeps the run of each layer, so that no table is walked once for each small part beneath it. */
  private LayerMap.Run run(int depth) throws IOException {
    LayerMap.Run run = runs.get(depth);
    if (run == null || !run.holds(position)) {
      run = layers.get(depth).at(position);
      runs.set(depth, run);
    }
    return run.from(position);
  }

  /** Closes the files. Does nothing the second time. */
  @Override
  public void close() {
    for (Closeable file : open) {
      try {
        file.close();
      } catch (IOException e) {
        throw ImageFiles.failure("close image", image, e);
      }
    }
  }
}
