package io.n0stack.n0core.kvm.qapi;

import java.util.List;

/**
 * File descriptors that QEMU was given, by name or in sets.
 *
 * <p>A name is used up by the command that takes it, such as {@code netdev_add}, and outlives the
 * connection. A set's descriptors are closed when the last client leaves while the guest runs, unless
 * a block node has been opened from them: never give a network back end a set's descriptor.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class DescriptorCommands {
  private final Call call;

  DescriptorCommands(Call call) {
    this.call = call;
  }

  /**
   * Gives QEMU a duplicate of a descriptor. Another that has the name is closed.
   *
   * @param name the name by which one command can take it; must not begin with a digit
   * @param descriptor an open descriptor of this process, which stays open
   */
  public void give(String name, int descriptor) {
    call.lend("getfd", Args.of("fdname", name), descriptor);
  }

  /**
   * Gives QEMU a duplicate of a descriptor, as a set of its own.
   *
   * @param note what it is, for {@link #sets}
   * @param descriptor an open descriptor of this process, which stays open
   * @return where it is: {@code /dev/fdset/N} names the set
   */
  public AddedFd add(String note, int descriptor) {
    return AddedFd.from(call.lend("add-fd", Args.of("opaque", note), descriptor));
  }

  /**
   * Gives QEMU a duplicate of a descriptor for a set, such as one with other access to the same file.
   *
   * @param set the set's number; it is created if need be
   * @param note what it is, for {@link #sets}
   * @param descriptor an open descriptor of this process, which stays open
   * @return where it is
   */
  public AddedFd addTo(long set, String note, int descriptor) {
    return AddedFd.from(
        call.lend("add-fd", Args.of("fdset-id", set).put("opaque", note), descriptor));
  }

  /**
   * Closes a descriptor that was given by name and not used.
   *
   * @param name its name
   */
  public void close(String name) {
    call.run("closefd", Args.of("fdname", name));
  }

  /**
   * Lists the sets.
   *
   * @return the sets
   */
  public List<FdSet> sets() {
    return Read.list(call.run("query-fdsets"), "", FdSet::from);
  }

  /**
   * Removes a set's descriptors that nothing uses; those in use go when they are no longer used,
   * and while the guest stands still none goes.
   *
   * @param set its number
   */
  public void removeSet(long set) {
    call.run("remove-fd", Args.of("fdset-id", set));
  }

  /**
   * Removes one descriptor of a set.
   *
   * @param set the set's number
   * @param fd the descriptor's number in QEMU
   */
  public void remove(long set, long fd) {
    call.run("remove-fd", Args.of("fdset-id", set).put("fd", fd));
  }
}
