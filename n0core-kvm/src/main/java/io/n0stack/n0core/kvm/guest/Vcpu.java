package io.n0stack.n0core.kvm.guest;

/**
 * A processor as the guest sees it.
 *
 * @param id its number in the guest
 * @param online whether the guest uses it
 * @param canOffline whether the guest can do without it
 * @since 0.1
 */
public record Vcpu(long id, boolean online, boolean canOffline) {
  static Vcpu from(GuestResult result) {
    return new Vcpu(
        result.number("/logical-id"),
        result.flag("/online"),
        result.flagOr("/can-offline", GuestResult.Choice.NO));
  }
}
