package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.BlockCommandException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * The dirty bitmaps of a running volume's active layer, checkpoints among them. They are persistent:
 * QEMU writes them into the image when it ends in order, and a QEMU that is killed leaves them
 * inconsistent, so that the next backup has to be a full one.
 *
 * <p>Names are lower-case RFC 1123 labels. Bitmaps that n0core has not made are not seen. Thread-safe.
 *
 * @since 0.1
 */
public final class LiveBitmaps {
  private final Disk disk;

  LiveBitmaps(Disk disk) {
    this.disk = disk;
  }

  /**
   * Returns the name that a bitmap has in the image, where those of others are too.
   *
   * @param name a label
   * @return the name with n0core's stamp
   */
  public static String nameInImage(String name) {
    return Names.bitmap(Rules.label("name", name));
  }

  /**
   * Returns the name of a bitmap of n0core's without the stamp.
   *
   * @param name its name in the image
   * @return the name, empty for a bitmap of others
   */
  public static Optional<String> ofNameInImage(String name) {
    return Names.ofBitmap(name);
  }

  /**
   * Lists them.
   *
   * @return the bitmaps of the active layer
   */
  public List<LiveBitmap> bitmaps() {
    return disk.root(disk.graph()).bitmaps();
  }

  /**
   * Begins to mark what is written. One of that name that exists already is left as it is.
   *
   * @param name a label
   * @throws N0Exception PRECONDITION if the format cannot keep bitmaps
   */
  public void add(String name) {
    Rules.label("name", name);
    LiveNode root = disk.root(disk.graph());
    if (find(root, name).isEmpty()) {
      disk.wire()
          .change("block-dirty-bitmap-add", persistent(root, name), () -> is(name, b -> true));
    }
  }

  /**
   * Forgets what is marked and marks on.
   *
   * @param name a label
   * @throws N0Exception NOT_FOUND if there is none; BUSY if a job or an export uses it
   */
  public void clear(String name) {
    change("block-dirty-bitmap-clear", name, () -> false);
  }

  /**
   * Stops marking, as an export for reading needs it.
   *
   * @param name a label
   * @throws N0Exception NOT_FOUND if there is none; BUSY if a job or an export uses it
   */
  public void disable(String name) {
    change("block-dirty-bitmap-disable", name, () -> is(name, b -> !b.recording()));
  }

  /**
   * Marks again, after {@link #disable}.
   *
   * @param name a label
   * @throws N0Exception NOT_FOUND if there is none; BUSY if a job or an export uses it
   */
  public void enable(String name) {
    change("block-dirty-bitmap-enable", name, () -> is(name, LiveBitmap::recording));
  }

  /**
   * Marks in one bitmap also what is marked in others, all at once.
   *
   * @param target a label
   * @param sources labels
   * @throws N0Exception NOT_FOUND if one is missing; BUSY if a job or an export uses one
   */
  public void merge(String target, List<String> sources) {
    LiveNode root = requireFree(target);
    List<String> names = new ArrayList<>();
    for (String source : sources) {
      requireFree(source);
      names.add(Names.bitmap(source));
    }
    // Merging twice is merging once.
    disk.wire()
        .change(
            "block-dirty-bitmap-merge",
            Map.of("node", root.name(), "target", Names.bitmap(target), "bitmaps", names),
            () -> false);
  }

  /**
   * Removes one, from the image too. One that does not exist is removed.
   *
   * @param name a label
   * @throws N0Exception BUSY if a job or an export uses it
   */
  public void remove(String name) {
    Rules.label("name", name);
    LiveNode root = disk.root(disk.graph());
    if (find(root, name).isEmpty()) {
      return;
    }
    try {
      disk.wire()
          .change(
              "block-dirty-bitmap-remove",
              arguments(root, name),
              () -> find(disk.root(disk.graph()), name).isEmpty());
    } catch (BlockCommandException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
    }
  }

  private void change(String command, String name, BooleanSupplier made) {
    LiveNode root = requireFree(name);
    disk.wire().change(command, arguments(root, name), made);
  }

  private LiveNode requireFree(String name) {
    BlockGraph graph = disk.graph();
    LiveNode root = disk.root(graph);
    requireFree(graph, root, name);
    return root;
  }

  /** Refuses a bitmap that is missing, in use or spoilt, and says which of these it is. */
  void requireFree(BlockGraph graph, LiveNode root, String name) {
    Rules.label("name", name);
    Optional<LiveBitmap> bitmap = find(root, name);
    if (bitmap.isEmpty()) {
      boolean lower =
          graph.chain(root).stream().anyMatch(node -> find(node, name).isPresent());
      throw disk.refused(
          N0Exception.Code.NOT_FOUND,
          "bitmap \"" + name + "\" "
              + (lower
                  ? "is in a layer below the active one, which marks no writes since"
                  : "does not exist"));
    }
    if (bitmap.get().inconsistent()) {
      throw disk.refused(
          N0Exception.Code.PRECONDITION,
          "bitmap \"" + name
              + "\" is inconsistent, since QEMU died with it open; remove it and take a"
              + " full backup");
    }
    if (bitmap.get().busy()) {
      throw disk.refused(
          N0Exception.Code.BUSY, "bitmap \"" + name + "\" is in use by a job or an export");
    }
  }

  /** Refuses also one that marks no writes, since which an increment would not be complete. */
  void requireMarking(BlockGraph graph, LiveNode root, String name) {
    requireFree(graph, root, name);
    if (find(root, name).filter(LiveBitmap::recording).isEmpty()) {
      throw disk.refused(
          N0Exception.Code.PRECONDITION,
          "bitmap \"" + name + "\" was disabled and marks no writes; take a full backup");
    }
  }

  private boolean is(String name, Predicate<LiveBitmap> predicate) {
    return find(disk.root(disk.graph()), name).filter(predicate).isPresent();
  }

  private static Optional<LiveBitmap> find(LiveNode node, String name) {
    return node.bitmaps().stream().filter(bitmap -> bitmap.name().equals(name)).findFirst();
  }

  private static Map<String, Object> arguments(LiveNode root, String name) {
    return Map.of("node", root.name(), "name", Names.bitmap(name));
  }

  static Map<String, Object> persistent(LiveNode root, String name) {
    return Map.of("node", root.name(), "name", Names.bitmap(name), "persistent", true);
  }
}
