package io.n0stack.n0core.kvm.guest;

/**
 * Tells whether an agent in the guest holds its port open; silence alone does not tell.
 *
 * <p>QEMU knows: {@code query-chardev} shows the port's character device with {@code frontend-open},
 * and the event VSERPORT_CHANGE reports changes.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface GuestPort {
  /**
   * Looks.
   *
   * @return whether an agent holds the port open
   */
  boolean open();
}
