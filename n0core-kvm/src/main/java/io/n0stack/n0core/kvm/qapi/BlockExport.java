package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A node offered to others.
 *
 * @param id its id
 * @param type how
 * @param nodeName the node
 * @param shuttingDown whether it is being removed
 * @since 0.1
 */
public record BlockExport(String id, Term<ExportType> type, String nodeName, boolean shuttingDown) {
  static BlockExport from(QmpResult result) {
    return new BlockExport(
        result.text("/id"),
        Read.term(ExportType.class, result, "/type"),
        result.text("/node-name"),
        result.flag("/shutting-down"));
  }
}
