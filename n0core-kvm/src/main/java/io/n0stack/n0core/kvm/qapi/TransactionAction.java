package io.n0stack.n0core.kvm.qapi;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * Part of a transaction on block nodes.
 *
 * @since 0.1
 */
public sealed interface TransactionAction {
  /**
   * Creates a bitmap.
   *
   * @param node its node
   * @param name its name
   * @param granularity how many bytes each bit stands for, a power of two
   * @param persistent whether it is kept in the image
   * @param disabled whether it does not mark writes yet
   * @since 0.1
   */
  record BitmapAdd(
      String node, String name, OptionalLong granularity, boolean persistent, boolean disabled)
      implements TransactionAction {
    /**
     * Names a bitmap that marks writes at once and is forgotten at the end.
     *
     * @param node its node
     * @param name its name
     * @return the action
     */
    public static BitmapAdd of(String node, String name) {
      return new BitmapAdd(node, name, OptionalLong.empty(), false, false);
    }

    /**
     * Returns the same, kept in the image.
     *
     * @return a copy
     */
    public BitmapAdd withPersistence() {
      return new BitmapAdd(node, name, granularity, true, disabled);
    }

    /**
     * Returns the same with another granularity.
     *
     * @param bytes how many bytes each bit stands for, a power of two
     * @return a copy
     */
    public BitmapAdd withGranularity(long bytes) {
      return new BitmapAdd(node, name, OptionalLong.of(bytes), persistent, disabled);
    }

    /**
     * Returns the same, not marking writes yet.
     *
     * @return a copy
     */
    public BitmapAdd withoutRecording() {
      return new BitmapAdd(node, name, granularity, persistent, true);
    }
  }

  /**
   * Removes a bitmap.
   *
   * @param bitmap the bitmap
   * @since 0.1
   */
  record BitmapRemove(BitmapName bitmap) implements TransactionAction {}

  /**
   * Unmarks everything in a bitmap.
   *
   * @param bitmap the bitmap
   * @since 0.1
   */
  record BitmapClear(BitmapName bitmap) implements TransactionAction {}

  /**
   * Lets a bitmap mark writes.
   *
   * @param bitmap the bitmap
   * @since 0.1
   */
  record BitmapEnable(BitmapName bitmap) implements TransactionAction {}

  /**
   * Lets a bitmap no longer mark writes.
   *
   * @param bitmap the bitmap
   * @since 0.1
   */
  record BitmapDisable(BitmapName bitmap) implements TransactionAction {}

  /**
   * Marks in one bitmap all that is marked in others.
   *
   * @param node the target's node
   * @param target the target's name
   * @param sources the bitmaps to add
   * @since 0.1
   */
  record BitmapMerge(String node, String target, List<BitmapName> sources)
      implements TransactionAction {
    /** Copies the list. */
    public BitmapMerge {
      sources = List.copyOf(sources);
    }
  }

  /**
   * Begins a backup.
   *
   * @param request what to do
   * @since 0.1
   */
  record Backup(BlockBackup request) implements TransactionAction {}

  /**
   * Puts an open, unused overlay on top of a node.
   *
   * @param node the node
   * @param overlay the overlay's node
   * @since 0.1
   */
  record Snapshot(String node, String overlay) implements TransactionAction {}

  /**
   * Creates a qcow2 overlay file and puts it on top of a node.
   *
   * @param node the node
   * @param overlay the name of the overlay's node
   * @param file the file to create
   * @since 0.1
   */
  record SnapshotFile(String node, String overlay, Path file) implements TransactionAction {}

  /**
   * Creates a snapshot inside a device's image, without memory.
   *
   * @param device the device or root node
   * @param name the snapshot's name
   * @since 0.1
   */
  record InternalSnapshot(String device, String name) implements TransactionAction {}

  /**
   * Lets the transaction fail; for tests.
   *
   * @since 0.1
   */
  record Abort() implements TransactionAction {}
}
