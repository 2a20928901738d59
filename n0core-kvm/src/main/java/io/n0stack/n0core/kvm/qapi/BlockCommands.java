package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Block nodes.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class BlockCommands {
  private final Call call;

  BlockCommands(Call call) {
    this.call = call;
  }

  /**
   * Opens a node and what is below it.
   *
   * @param options {@code driver}, {@code node-name} and the driver's own options
   */
  public void add(Map<String, ?> options) {
    call.run("blockdev-add", Args.of().putAll(options));
  }

  /**
   * Closes a node that nothing uses.
   *
   * @param node its name
   */
  public void del(String node) {
    call.run("blockdev-del", Args.of("node-name", node));
  }

  /**
   * Changes the options of open nodes; all change or none.
   *
   * @param options for each node all its options as for {@link #add}: those left out return to
   *     their defaults
   */
  public void reopen(List<? extends Map<String, ?>> options) {
    call.run("blockdev-reopen", Args.of("options", options));
  }

  /**
   * Puts an open, unused overlay on top of a node.
   *
   * @param node the node
   * @param overlay the overlay's node
   */
  public void snapshot(String node, String overlay) {
    call.run("blockdev-snapshot", Args.of("node", node).put("overlay", overlay));
  }

  /**
   * Creates a qcow2 overlay file and puts it on top of a node.
   *
   * @param node the node
   * @param overlay the name of the overlay's node
   * @param file the file to create
   */
  public void snapshotSync(String node, String overlay, Path file) {
    call.run(
        "blockdev-snapshot-sync",
        Encode.data(new TransactionAction.SnapshotFile(node, overlay, file)));
  }

  /**
   * Creates a snapshot inside a device's image, without memory.
   *
   * @param device the device or root node
   * @param name the snapshot's name
   */
  public void internalSnapshot(String device, String name) {
    call.run("blockdev-snapshot-internal-sync", Args.of("device", device).put("name", name));
  }

  /**
   * Deletes a snapshot inside a device's image.
   *
   * @param device the device or root node
   * @param name the snapshot's name
   * @return what was deleted
   */
  public ImageSnapshot deleteInternalSnapshot(String device, String name) {
    return ImageSnapshot.from(call.run(
        "blockdev-snapshot-delete-internal-sync", Args.of("device", device).put("name", name)));
  }

  /**
   * Changes a node's size. The guest notices.
   *
   * @param node its name
   * @param bytes the new size
   */
  public void resize(String node, long bytes) {
    call.run(
        "block_resize",
        Args.of("node-name", node).put("size", Rules.range("bytes", bytes, 0, Long.MAX_VALUE)));
  }

  /**
   * Limits a device's requests.
   *
   * @param limits the device and its limits
   */
  public void throttle(IoThrottle limits) {
    call.run("block_set_io_throttle", limits.arguments());
  }

  /**
   * Lets the first write at or beyond an offset be reported once by the event
   * BLOCK_WRITE_THRESHOLD.
   *
   * @param node the node
   * @param offset the offset, 0 for none
   */
  public void setWriteThreshold(String node, long offset) {
    call.run(
        "block-set-write-threshold",
        Args.of("node-name", node)
            .put("write-threshold", Rules.range("offset", offset, 0, Long.MAX_VALUE)));
  }

  /**
   * Counts from now on how long a device's requests take.
   *
   * @param device the device's id or object path
   * @param boundaries the limits between the intervals in nanoseconds, ascending; none stops
   *     it
   */
  public void setLatencyHistogram(String device, List<Long> boundaries) {
    call.run("block-latency-histogram-set", Args.of("id", device).putAny("boundaries", boundaries));
  }

  /**
   * Does several things to block nodes at one point in time: all or none.
   *
   * @param actions what to do
   */
  public void transaction(List<? extends TransactionAction> actions) {
    call.run("transaction", Encode.transaction(actions));
  }

  /**
   * Does the same, and if one of the jobs that it starts fails, all are cancelled.
   *
   * @param actions what to do
   */
  public void transactionGrouped(List<? extends TransactionAction> actions) {
    call.run(
        "transaction",
        Encode.transaction(actions).put("properties", Args.of("completion-mode", "grouped")));
  }

  /**
   * Lists the guest's block devices.
   *
   * @return the devices
   */
  public List<BlockDevice> devices() {
    return Read.list(call.run("query-block"), "", BlockDevice::from);
  }

  /**
   * Lists the named nodes, each without the images below it.
   *
   * @return the nodes
   */
  public List<BlockNode> nodes() {
    return Read.list(
        call.run("query-named-block-nodes", Args.of("flat", true)), "", BlockNode::from);
  }

  /**
   * Lists the named nodes, each with the images below it; long chains make this slow.
   *
   * @return the nodes
   */
  public List<BlockNode> nodesWithBackingImages() {
    return Read.list(call.run("query-named-block-nodes"), "", BlockNode::from);
  }

  /**
   * Reads the devices' counters.
   *
   * @return the counters
   */
  public List<BlockStats> deviceStats() {
    return Read.list(call.run("query-blockstats"), "", BlockStats::from);
  }

  /**
   * Reads the nodes' counters, which lack what only devices count.
   *
   * @return the counters
   */
  public List<BlockStats> nodeStats() {
    return Read.list(
        call.run("query-blockstats", Args.of("query-nodes", true)), "", BlockStats::from);
  }
}
