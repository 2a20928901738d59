package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Switch;
import io.n0stack.n0core.net.netlink.Sysctl;
import io.n0stack.n0core.net.netlink.Sysctl.Setting;
import io.n0stack.n0core.net.nft.Chain;
import io.n0stack.n0core.net.nft.Family;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether rules that somebody made for what the host routes also drop what guests of one network send
 * each other: br_netfilter, which Docker and Kubernetes load, shows it to them. The rules are theirs, and
 * a host that drops nothing is fine, so that it is only said.
 */
final class BridgedFiltering {
  private static final Logger LOG = LoggerFactory.getLogger(BridgedFiltering.class);
  // Rules of the old iptables are not seen by nftables, but which of its tables are in use is.
  private static final Path OLD_TABLES = Path.of("/proc/thread-self/net/ip_tables_names");

  private final NetNs namespace;
  private final PacketFilter filter;
  private final Set<ResourceId> looked = ConcurrentHashMap.newKeySet();

  BridgedFiltering(NetNs namespace, PacketFilter filter) {
    this.namespace = namespace;
    this.filter = filter;
  }

  /** Warns of it, at the first look at a network. */
  void warn(ResourceId network, String bridge) {
    if (looked.add(network)) {
      dropped()
          .ifPresent(by -> LOG.warn(
              "guests of network {} may not reach each other: br_netfilter shows what they send to {},"
                  + " which drops what no rule lets pass; add one for {}, such as"
                  + " \"iptables -I DOCKER-USER -i {} -o {} -j ACCEPT\"",
              network.name(),
              by,
              bridge,
              bridge,
              bridge));
    }
  }

  /** Finds what drops by default what is forwarded, and is shown what bridges forward. */
  Optional<String> dropped() {
    boolean ipv4 = isShown(Setting.BRIDGE_CALLS_IPV4_RULES);
    boolean ipv6 = isShown(Setting.BRIDGE_CALLS_IPV6_RULES);
    if (!ipv4 && !ipv6) {
      return Optional.empty();
    }
    return filter
        .tables(family -> family == Family.INET
            || (ipv4 && family == Family.IP)
            || (ipv6 && family == Family.IP6))
        .stream()
        .flatMap(table -> table.chains().stream()
            .filter(BridgedFiltering::dropsForwarded)
            .map(chain -> "chain " + chain.name() + " of " + table.id()))
        .findFirst()
        .or(() -> oldTables().contains("filter")
            ? Optional.of("the table filter of iptables")
            : Optional.empty());
  }

  private boolean isShown(Setting setting) {
    try {
      return Sysctl.in(namespace).read(setting) == Switch.ON;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.UNSUPPORTED) {
        return false; // br_netfilter is not loaded
      }
      throw e;
    }
  }

  private static boolean dropsForwarded(Chain chain) {
    return chain
        .hook()
        .filter(hook -> hook.point() == Chain.Point.FORWARD)
        .filter(hook -> hook.policy() == Chain.Policy.DROP)
        .isPresent();
  }

  private List<String> oldTables() {
    return namespace.call(() -> {
      try {
        return Files.readAllLines(OLD_TABLES);
      } catch (IOException e) {
        return List.of(); // none, or not for us to read
      }
    });
  }
}
