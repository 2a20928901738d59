package io.n0stack.n0core.net.netlink;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.NativeBuffer;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.util.Optional;

/**
 * Switches of the kernel's networking that are no netlink attributes, see sysctl(8) and {@code
 * Documentation/networking/ip-sysctl.rst} of the kernel. Each network namespace has its own.
 * Thread-safe; holds nothing open.
 *
 * @since 0.1
 */
public final class Sysctl {
  private static final String ROOT = "/proc/sys/net/";
  private static final int READ = 0x80000; // O_RDONLY | O_CLOEXEC
  private static final int WRITE = 0x80001; // O_WRONLY | O_CLOEXEC
  private static final int LONGEST = 32;

  private final Optional<NetNs> namespace;

  private Sysctl(Optional<NetNs> namespace) {
    this.namespace = namespace;
  }

  /**
   * A switch that this class knows. Immutable.
   *
   * @since 0.1
   */
  public static final class Setting {
    /** Whether IPv4 packets for others are forwarded. Changing it resets other settings of IPv4. */
    public static final Setting IPV4_FORWARDING = new Setting("ipv4/ip_forward", "");
    /** Whether IPv6 packets for others are forwarded, between all links. */
    public static final Setting IPV6_FORWARDING = new Setting("ipv6/conf/all/forwarding", "");
    /** Whether nftables rules of IPv4 see packets that a bridge forwards. */
    public static final Setting BRIDGE_CALLS_IPV4_RULES =
        new Setting("bridge/bridge-nf-call-iptables", "");
    /** Whether nftables rules of IPv6 see packets that a bridge forwards. */
    public static final Setting BRIDGE_CALLS_IPV6_RULES =
        new Setting("bridge/bridge-nf-call-ip6tables", "");
    /** Whether nftables rules of ARP see packets that a bridge forwards. */
    public static final Setting BRIDGE_CALLS_ARP_RULES =
        new Setting("bridge/bridge-nf-call-arptables", "");

    private final String path;
    private final String link;

    private Setting(String path, String link) {
      this.path = path;
      this.link = link;
    }

    /**
     * Names the switch that keeps a link from IPv6. Switching it on takes its addresses.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting ipv6Disabled(String link) {
      return of("ipv6", link, "disable_ipv6");
    }

    /**
     * Names the switch that lets a link answer ARP requests for addresses that are reached through
     * others.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting proxyArp(String link) {
      return of("ipv4", link, "proxy_arp");
    }

    /**
     * Names the switch that lets IPv4 packets that came over a link be forwarded.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting ipv4Forwarding(String link) {
      return of("ipv4", link, "forwarding");
    }

    /**
     * Names the switch that lets a link heed router advertisements, by which anybody on its segment can
     * become the host's IPv6 router. On also where it says "even if the host forwards".
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting routerAdvertisements(String link) {
      return of("ipv6", link, "accept_ra");
    }

    /**
     * Names the switch that gives a link addresses in the networks that router advertisements name.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting addressAutoconfiguration(String link) {
      return of("ipv6", link, "autoconf");
    }

    /**
     * Names the switch that lets a link heed ICMPv6 redirects.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting ipv6Redirects(String link) {
      return of("ipv6", link, "accept_redirects");
    }

    /**
     * Names the switch that lets a link heed ICMP redirects. A host that does not forward heeds them also
     * if the same is on for all links.
     *
     * @param link name of the link
     * @return the switch
     */
    public static Setting ipv4Redirects(String link) {
      return of("ipv4", link, "accept_redirects");
    }

    private static Setting of(String family, String link, String name) {
      Rules.linkName("link", link);
      if (link.equals("all") || link.equals("default")) {
        throw N0Exception.invalid("link", link, "must be the name of one link");
      }
      return new Setting(family + "/conf/" + link + "/" + name, link);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Setting setting && path.equals(setting.path);
    }

    @Override
    public int hashCode() {
      return path.hashCode();
    }

    /** Writes it as sysctl(8) does with slashes, such as {@code net/ipv4/ip_forward}. */
    @Override
    public String toString() {
      return "net/" + path;
    }
  }

  /**
   * Works in the network namespace of the thread that calls.
   *
   * @return the switches
   */
  public static Sysctl current() {
    return new Sysctl(Optional.empty());
  }

  /**
   * Works in a network namespace.
   *
   * @param namespace the namespace, which stays the caller's and must be open while this is used
   * @return the switches
   */
  public static Sysctl in(NetNs namespace) {
    return new Sysctl(Optional.of(namespace));
  }

  /**
   * Reads a switch.
   *
   * @param setting which
   * @return what it is
   * @throws OsException NOT_FOUND if there is no such link
   * @throws N0Exception UNSUPPORTED if this kernel does not have it, or not now, for want of a module
   *     such as br_netfilter
   */
  public Switch read(Setting setting) {
    return namespace.isPresent()
        ? namespace.get().call(() -> readHere(setting))
        : readHere(setting);
  }

  private static Switch readHere(Setting setting) {
    String what = "read sysctl " + setting;
    int fd = open(setting, what, READ);
    try {
      NativeBuffer buffer = NativeBuffer.allocate(LONGEST);
      int length = Math.max(0, SystemCalls.read(what, fd, buffer, LONGEST));
      byte[] text = new byte[length];
      buffer.bytes().get(0, text);
      // Some have more than two values, of which 0 alone is none.
      return new String(text, US_ASCII).trim().equals("0") ? Switch.OFF : Switch.ON;
    } finally {
      SystemCalls.close(fd);
    }
  }

  /**
   * Sets a switch, unless it is so already. Needs the right to administrate the namespace.
   *
   * @param setting which
   * @param value what it shall be
   * @return what it was
   * @throws OsException NOT_FOUND if there is no such link; PERMISSION without the right, or if
   *     {@code /proc/sys} may only be read, as in many containers
   * @throws N0Exception UNSUPPORTED if this kernel does not have it, or not now, for want of a module
   *     such as br_netfilter
   */
  public Switch set(Setting setting, Switch value) {
    return namespace.isPresent()
        ? namespace.get().call(() -> setHere(setting, value))
        : setHere(setting, value);
  }

  private static Switch setHere(Setting setting, Switch value) {
    Switch before = readHere(setting);
    if (before != value) {
      String what = "set sysctl " + setting + " to " + value.number();
      int fd = open(setting, what, WRITE);
      try {
        NativeBuffer buffer = NativeBuffer.allocate(1);
        buffer.bytes().put(0, (byte) ('0' + value.number()));
        SystemCalls.write(what, fd, buffer, 1);
      } finally {
        SystemCalls.close(fd);
      }
    }
    return before;
  }

  private static int open(Setting setting, String what, int flags) {
    try {
      return SystemCalls.open(ROOT + setting.path, flags);
    } catch (OsException e) {
      if (e.errnoName().equals("ENOENT") && setting.link.isEmpty()) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            "sysctl " + setting,
            what + ": this kernel does not have it, or a module is not loaded",
            e);
      }
      throw e;
    }
  }
}
