package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.net.netlink.Netlink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Looks whether this process may change links. */
final class Host {
  private static final Path STATUS = Path.of("/proc/thread-self/status");
  private static final Path TUN = Path.of("/dev/net/tun");
  private static final String EFFECTIVE = "CapEff:";
  private static final int CAP_NET_ADMIN = 12; // linux/capability.h

  private Host() {}

  static Fingerprint probeLinks(Netlink netlink) {
    try {
      if (!mayChange()) {
        return Fingerprint.unhealthy(
            "the process lacks CAP_NET_ADMIN; run it as root or give it the capability");
      }
      netlink.links().find(1);
      return Fingerprint.healthy(
          Map.of("kernel.release", System.getProperty("os.version", "unknown")), Map.of());
    } catch (IOException e) {
      return Fingerprint.unhealthy("cannot read " + STATUS + ": " + e.getMessage());
    } catch (N0Exception e) {
      return Fingerprint.unhealthy("the kernel does not answer: " + e.getMessage());
    }
  }

  static Fingerprint probeTaps(Netlink netlink) {
    if (!Files.isWritable(TUN)) {
      return Fingerprint.unhealthy(TUN + " is missing or not writable; load the module tun");
    }
    return probeLinks(netlink);
  }

  private static boolean mayChange() throws IOException {
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(EFFECTIVE)) {
        long mask = Long.parseUnsignedLong(line.substring(EFFECTIVE.length()).strip(), 16);
        return (mask >>> CAP_NET_ADMIN & 1) != 0;
      }
    }
    return false;
  }
}
