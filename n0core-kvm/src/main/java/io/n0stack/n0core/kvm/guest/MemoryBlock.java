package io.n0stack.n0core.kvm.guest;

/**
 * A block of memory as the guest sees it.
 *
 * @param index its number
 * @param online whether the guest uses it
 * @param canOffline whether the guest can do without it
 * @since 0.1
 */
public record MemoryBlock(long index, boolean online, boolean canOffline) {
  static MemoryBlock from(GuestResult result) {
    return new MemoryBlock(
        result.number("/phys-index"),
        result.flag("/online"),
        result.flagOr("/can-offline", GuestResult.Choice.NO));
  }
}
