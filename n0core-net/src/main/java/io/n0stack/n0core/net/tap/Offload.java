package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.N0Exception;
import java.util.Set;

/**
 * Work that a tap's reader takes over from the kernel, as the vnet header of each frame tells. Named as
 * the {@code TUN_F_} flags in {@code linux/if_tun.h}.
 *
 * @since 0.1
 */
public enum Offload {
  /** Computing checksums; all others need it. */
  CSUM(0x01),
  /** Segmenting TCP over IPv4. */
  TSO4(0x02),
  /** Segmenting TCP over IPv6. */
  TSO6(0x04),
  /** Segmenting TCP with ECN; needs one of the two above. */
  TSO_ECN(0x08),
  /** Fragmenting UDP; kernels since 4.14 accept it and never use it. */
  UFO(0x10),
  /** Segmenting UDP over IPv4, since Linux 6.2; only together with {@link #USO6}. */
  USO4(0x20),
  /** Segmenting UDP over IPv6, since Linux 6.2; only together with {@link #USO4}. */
  USO6(0x40);

  private final int flag;

  Offload(int flag) {
    this.flag = flag;
  }

  /** Checks that each has what it needs, and returns the argument of {@code TUNSETOFFLOAD}. */
  static int flags(Set<Offload> offloads) {
    if (!offloads.isEmpty() && !offloads.contains(CSUM)) {
      throw N0Exception.invalid("offloads", offloads, "must include CSUM");
    }
    if (offloads.contains(TSO_ECN) && !offloads.contains(TSO4) && !offloads.contains(TSO6)) {
      throw N0Exception.invalid("offloads", offloads, "must include TSO4 or TSO6 with TSO_ECN");
    }
    if (offloads.contains(USO4) != offloads.contains(USO6)) {
      throw N0Exception.invalid("offloads", offloads, "must include both of USO4 and USO6 or none");
    }
    return offloads.stream().mapToInt(offload -> offload.flag).sum();
  }
}
