package io.n0stack.n0core.kvm.internal.launch;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How machines are launched on this host.
 *
 * @param uids whom they run as; empty for the agent's own user
 * @param cgroupParent the control group that holds one group for each machine with limits
 * @param systemd whether each machine gets a scope of systemd
 * @param ovmf directory of the UEFI firmware
 * @param swtpm the TPM emulator
 * @param virtiofsd the daemon that shares directories
 * @param networkNamespace file of QEMU's network namespace; empty for the agent's
 * @param serialLogBytes how long the log of a serial port may get
 * @param qemuLogBytes how long the log of QEMU may get
 */
public record Settings(
    Optional<Uids> uids,
    Path cgroupParent,
    boolean systemd,
    Path ovmf,
    String swtpm,
    String virtiofsd,
    Optional<Path> networkNamespace,
    long serialLogBytes,
    long qemuLogBytes) {
  /**
   * The users that machines run as.
   *
   * @param first the lowest user
   * @param last the highest one; the same for one user that all machines share
   * @param gid the group of all; empty for the group of the user's number
   */
  public record Uids(long first, long last, Optional<Long> gid) {
    Owner owner(long uid) {
      return new Owner(uid, gid.orElse(uid));
    }

    boolean shared() {
      return first == last;
    }
  }
}
