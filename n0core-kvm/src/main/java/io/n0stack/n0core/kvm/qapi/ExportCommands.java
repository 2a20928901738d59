package io.n0stack.n0core.kvm.qapi;

import java.util.List;
import java.util.Map;

/**
 * Block nodes offered to others.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class ExportCommands {
  private final Call call;

  ExportCommands(Call call) {
    this.call = call;
  }

  /**
   * Starts the NBD server.
   *
   * @param server how it listens
   */
  public void startNbd(NbdServer server) {
    call.run("nbd-server-start", server.arguments());
  }

  /**
   * Stops the NBD server and removes its exports.
   */
  public void stopNbd() {
    call.run("nbd-server-stop");
  }

  /**
   * Offers a node for reading on the NBD server, as {@code nbd-server-add}.
   *
   * @param node the node
   * @param name the name clients ask for
   */
  public void addNbd(String node, String name) {
    call.run("nbd-server-add", Args.of("device", node).put("name", name));
  }

  /**
   * Offers a node for writing on the NBD server, as {@code nbd-server-add}.
   *
   * @param node the node
   * @param name the name clients ask for
   */
  public void addWritableNbd(String node, String name) {
    call.run("nbd-server-add", Args.of("device", node).put("name", name).put("writable", true));
  }

  /**
   * Removes an offer from the NBD server.
   *
   * @param name the name clients ask for
   * @param mode what happens to its clients
   */
  public void removeNbd(String name, RemoveMode mode) {
    call.run("nbd-server-remove", Args.of("name", name).put("mode", mode));
  }

  /**
   * Offers a node.
   *
   * @param options {@code type}, {@code id}, {@code node-name} and the type's own options
   */
  public void add(Map<String, ?> options) {
    call.run("block-export-add", Args.of().putAll(options));
  }

  /**
   * Removes an offer; the event BLOCK_EXPORT_DELETED tells when it is gone.
   *
   * @param id its id
   * @param mode what happens to its clients
   */
  public void remove(String id, RemoveMode mode) {
    call.run("block-export-del", Args.of("id", id).put("mode", mode));
  }

  /**
   * Lists the offers.
   *
   * @return the offers
   */
  public List<BlockExport> list() {
    return Read.list(call.run("query-block-exports"), "", BlockExport::from);
  }
}
