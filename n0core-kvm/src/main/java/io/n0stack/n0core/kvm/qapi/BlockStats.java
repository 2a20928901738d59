package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * The counters of a device or node, and of what is below it.
 *
 * @param device the device's name in the back end
 * @param qdev the device
 * @param nodeName the node
 * @param counters its counters
 * @param parent the counters of the file below
 * @param backing the counters of the backing file
 * @since 0.1
 */
public record BlockStats(
    Optional<String> device,
    Optional<String> qdev,
    Optional<String> nodeName,
    BlockCounters counters,
    Optional<BlockStats> parent,
    Optional<BlockStats> backing) {
  static BlockStats from(QmpResult result) {
    return new BlockStats(
        Read.optText(result, "/device"),
        Read.optText(result, "/qdev"),
        Read.optText(result, "/node-name"),
        Read.one(result, "/stats", BlockCounters::from),
        Read.optOne(result, "/parent", BlockStats::from),
        Read.optOne(result, "/backing", BlockStats::from));
  }
}
