package io.n0stack.n0core.kvm.qapi;

import java.util.List;

/**
 * Bitmaps that mark what was written.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class BitmapCommands {
  private final Call call;

  BitmapCommands(Call call) {
    this.call = call;
  }

  /**
   * Creates a bitmap.
   *
   * @param bitmap the bitmap
   */
  public void add(TransactionAction.BitmapAdd bitmap) {
    call.run("block-dirty-bitmap-add", Encode.data(bitmap));
  }

  /**
   * Removes a bitmap.
   *
   * @param node its node
   * @param name its name
   */
  public void remove(String node, String name) {
    call.run("block-dirty-bitmap-remove", Args.of("node", node).put("name", name));
  }

  /**
   * Unmarks everything.
   *
   * @param node its node
   * @param name its name
   */
  public void clear(String node, String name) {
    call.run("block-dirty-bitmap-clear", Args.of("node", node).put("name", name));
  }

  /**
   * Begins to mark writes.
   *
   * @param node its node
   * @param name its name
   */
  public void enable(String node, String name) {
    call.run("block-dirty-bitmap-enable", Args.of("node", node).put("name", name));
  }

  /**
   * Ceases to mark writes.
   *
   * @param node its node
   * @param name its name
   */
  public void disable(String node, String name) {
    call.run("block-dirty-bitmap-disable", Args.of("node", node).put("name", name));
  }

  /**
   * Marks in one bitmap all that is marked in others.
   *
   * @param node the target's node
   * @param target the target's name
   * @param sources the bitmaps to add
   */
  public void merge(String node, String target, List<BitmapName> sources) {
    call.run(
        "block-dirty-bitmap-merge",
        Encode.data(new TransactionAction.BitmapMerge(node, target, sources)));
  }
}
