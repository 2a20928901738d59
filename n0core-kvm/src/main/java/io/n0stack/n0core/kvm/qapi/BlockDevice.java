package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A block device of the guest.
 *
 * @param name its name in the back end, possibly empty
 * @param qdev its device
 * @param removable whether its medium can be changed
 * @param locked whether the guest has locked its tray
 * @param inserted what is in it
 * @param trayOpen whether its tray is open
 * @param ioStatus how its last requests ended
 * @since 0.1
 */
public record BlockDevice(
    String name,
    Optional<String> qdev,
    boolean removable,
    boolean locked,
    Optional<BlockNode> inserted,
    Optional<Boolean> trayOpen,
    Optional<Term<IoStatus>> ioStatus) {
  static BlockDevice from(QmpResult result) {
    return new BlockDevice(
        result.text("/device"),
        Read.optText(result, "/qdev"),
        result.flag("/removable"),
        result.flag("/locked"),
        Read.optOne(result, "/inserted", BlockNode::from),
        Read.optFlag(result, "/tray_open"),
        Read.optTerm(IoStatus.class, result, "/io-status"));
  }
}
