package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Limits how fast links carry, such as the taps of guests. Each method converges: it looks at what is
 * there, changes what is not as asked, and can be called again if the process was killed half-way. A
 * limit that is in force already is not touched, nor what waits in it. Thread-safe, but two threads that
 * limit the same link at once can hinder each other.
 *
 * <p>What a link sends waits in a {@link QdiscKind.Tbf} at its root, in place of whatever is there, for
 * 50 ms at most. What it receives is redirected, by a filter of priority {@value #PRIORITY}, to a link
 * of kind ifb, one for each limited link, which has such a bucket; or, where the kernel has "police",
 * dropped by a filter. Other filters stay: those with a smaller priority see the packets before.
 *
 * @since 0.1
 */
public final class RateLimits {
  /** The priority of the filter that limits what a link receives. */
  public static final int PRIORITY = 0x6e30;

  private static final Duration LATENCY = Duration.ofMillis(50);
  private static final int ETHERNET_HEADER = 14;

  private final Links links;
  private final TrafficControl traffic;

  RateLimits(Links links, TrafficControl traffic) {
    this.links = links;
    this.traffic = traffic;
  }

  /**
   * A token bucket.
   *
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, 1 to 4294967295, and no more than goes in 274 s
   */
  public record Limit(long bitsPerSecond, long burstBytes) {
    /** Checks both. */
    public Limit {
      SchedulerTicks.requireRate("bitsPerSecond", bitsPerSecond);
      SchedulerTicks.requireBurst("burstBytes", bitsPerSecond, burstBytes);
    }

    /**
     * Tells whether another limit is this one for the kernel, which keeps whole bytes per second, and
     * the burst as a time: what is read differs by as much from what was set.
     *
     * @param other the other limit
     * @return whether it is the same
     */
    public boolean sameAs(Limit other) {
      long rate = bitsPerSecond / Byte.SIZE;
      return rate == other.bitsPerSecond / Byte.SIZE
          && SchedulerTicks.same(rate, burstBytes, other.burstBytes);
    }
  }

  /**
   * The limits of a link.
   *
   * @param egress of what it sends; empty if there is none
   * @param ingress of what it receives; empty if there is none that works
   * @param ifb index of the link that what it receives is redirected to; empty if it is not, or if the
   *     ifb is gone
   * @param ingressBlocked whether what it receives is lost: it is redirected to an ifb that is gone or
   *     down
   */
  public record InForce(
      Optional<Limit> egress, Optional<Limit> ingress, OptionalInt ifb, boolean ingressBlocked) {}

  /**
   * Limits what a link sends: of a tap, what the guest receives.
   *
   * @param link index of the link
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, at least the link's MTU and 14 bytes of Ethernet header
   * @throws N0Exception INVALID if the burst is shorter than a packet; NOT_FOUND if there is no such link
   */
  public void limitEgress(int link, long bitsPerSecond, long burstBytes) {
    requireBurst(require(link), new Limit(bitsPerSecond, burstBytes));
    bucket(link, new Limit(bitsPerSecond, burstBytes));
  }

  private void bucket(int link, Limit limit) {
    QdiscKind.Tbf wanted = QdiscKind.Tbf.of(limit.bitsPerSecond(), limit.burstBytes(), LATENCY);
    boolean inForce = bucketOf(link)
        .filter(tbf -> limit.sameAs(limit(tbf))
            && tbf.limitBytes() == wanted.limitBytes()
            && tbf.peak().isEmpty())
        .isPresent();
    if (!inForce) {
      traffic.replaceQdisc(link, QdiscSpec.root(wanted));
    }
  }

  private Optional<QdiscKind.Tbf> bucketOf(int link) {
    return traffic
        .findQdisc(link, TrafficHandle.ROOT)
        .flatMap(qdisc ->
            qdisc.kind() instanceof QdiscKind.Tbf tbf ? Optional.of(tbf) : Optional.empty());
  }

  private static Limit limit(QdiscKind.Tbf tbf) {
    return new Limit(tbf.bitsPerSecond(), tbf.burstBytes());
  }

  private static Limit limit(FilterAction.Police police) {
    return new Limit(police.bitsPerSecond(), police.burstBytes());
  }

  /**
   * Limits what a link receives: of a tap, what the guest sends. What comes too fast waits in the ifb,
   * which is set up. The limit is complete before the first packet is redirected.
   *
   * @param link index of the link
   * @param ifb index of a link of kind ifb, for this link alone
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, at least the link's MTU and 14 bytes of Ethernet header
   * @throws N0Exception INVALID if the burst is shorter than a packet, or {@code ifb} is none; NOT_FOUND
   *     if one of the links does not exist
   */
  public void limitIngress(int link, int ifb, long bitsPerSecond, long burstBytes) {
    Limit limit = new Limit(bitsPerSecond, burstBytes);
    requireBurst(require(link), limit);
    Link block = require(ifb);
    if (!(block.kind() instanceof LinkKind.Ifb)) {
      throw N0Exception.invalid("ifb", block.name(), "must be a link of kind ifb");
    }
    bucket(ifb, limit);
    if (!block.up()) {
      links.change(ifb, LinkChange.none().up());
    }
    filter(link, FilterAction.Mirred.redirect(ifb));
  }

  /**
   * Limits what a link receives without a second link: what comes too fast is dropped. A guest that
   * sends large segments needs a burst of 64 KiB and more, since a segment goes as a whole.
   *
   * @param link index of the link
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, at least the link's MTU and 14 bytes of Ethernet header
   * @throws N0Exception INVALID if the burst is shorter than a packet; NOT_FOUND if there is no such
   *     link; UNSUPPORTED if the kernel does not have "police"
   */
  public void policeIngress(int link, long bitsPerSecond, long burstBytes) {
    requireBurst(require(link), new Limit(bitsPerSecond, burstBytes));
    filter(link, FilterAction.Police.drop(bitsPerSecond, burstBytes));
  }

  private void filter(int link, FilterAction action) {
    List<Filter> found = own(link);
    FilterSpec spec =
        FilterSpec.all(TrafficHandle.CLSACT_INGRESS, PRIORITY, FilterKind.U32.all(action));
    if (found.size() == 1 && same(found.get(0), spec)) {
      return;
    }
    if (found.isEmpty()) {
      add(link, spec);
    } else if (found.size() == 1 && action(found.get(0)).isPresent()) {
      traffic.replaceFilter(link, spec.named(found.get(0).spec().handle()));
    } else {
      traffic.deleteFilters(link, TrafficHandle.CLSACT_INGRESS, PRIORITY);
      traffic.addFilter(link, spec);
    }
  }

  private void add(int link, FilterSpec spec) {
    boolean made = carrier(link);
    try {
      traffic.addFilter(link, spec);
    } catch (NetlinkException e) {
      if (made) {
        undo(link, e);
      }
      throw e;
    }
  }

  /** Makes what filters are attached to; false if it is there. */
  private boolean carrier(int link) {
    if (traffic.findQdisc(link, TrafficHandle.INGRESS).isPresent()) {
      return false;
    }
    traffic.addQdisc(link, QdiscSpec.ingress());
    return true;
  }

  private void undo(int link, NetlinkException because) {
    try {
      traffic.deleteQdisc(link, TrafficHandle.INGRESS);
    } catch (N0Exception e) {
      because.addSuppressed(e);
    }
  }

  private List<Filter> own(int link) {
    return traffic.filters(link, TrafficHandle.CLSACT_INGRESS).stream()
        .filter(filter -> filter.spec().priority() == PRIORITY)
        .toList();
  }

  private static boolean same(Filter found, FilterSpec wanted) {
    Optional<FilterAction> one = action(found);
    Optional<FilterAction> other = action(new Filter(found.link(), wanted));
    if (found.spec().etherType() != wanted.etherType() || one.isEmpty() || other.isEmpty()) {
      return false;
    }
    if (one.get() instanceof FilterAction.Police a
        && other.get() instanceof FilterAction.Police b) {
      return limit(a).sameAs(limit(b))
          && a.mtuBytes() == b.mtuBytes()
          && a.conforming() == b.conforming()
          && a.exceeding() == b.exceeding();
    }
    return one.equals(other);
  }

  /** What is done with all packets. */
  private static Optional<FilterAction> action(Filter filter) {
    return filter.spec().kind() instanceof FilterKind.U32 u32
            && u32.matches().isEmpty()
            && u32.actions().size() == 1
        ? Optional.of(u32.actions().get(0))
        : Optional.empty();
  }

  /**
   * Tells which limits are in force.
   *
   * @param link index of the link
   * @return its limits, read from the kernel
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public InForce read(int link) {
    Optional<Limit> egress = bucketOf(link).map(RateLimits::limit);
    Optional<FilterAction> action = own(link).stream().findFirst().flatMap(RateLimits::action);
    if (action.isPresent() && action.get() instanceof FilterAction.Police police) {
      return new InForce(egress, Optional.of(limit(police)), OptionalInt.empty(), false);
    }
    if (action.isEmpty() || !(action.get() instanceof FilterAction.Mirred mirred)) {
      return new InForce(egress, Optional.empty(), OptionalInt.empty(), false);
    }
    Optional<Link> ifb = mirred.link() == 0 ? Optional.empty() : links.find(mirred.link());
    if (ifb.isEmpty()) {
      return new InForce(egress, Optional.empty(), OptionalInt.empty(), true);
    }
    return new InForce(
        egress,
        bucketOf(mirred.link()).map(RateLimits::limit),
        OptionalInt.of(mirred.link()),
        !ifb.get().up());
  }

  /**
   * Takes both limits from a link. A queueing discipline at its root that is no bucket stays, and so do
   * other filters. The ifb stays, with its bucket, for the caller to delete.
   *
   * @param link index of the link
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void clear(int link) {
    clearEgress(link);
    clearIngress(link);
  }

  /**
   * Takes the limit of what a link sends.
   *
   * @param link index of the link
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void clearEgress(int link) {
    if (bucketOf(link).isPresent()) {
      traffic.deleteQdisc(link, TrafficHandle.ROOT);
    }
  }

  /**
   * Takes the limit of what a link receives.
   *
   * @param link index of the link
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void clearIngress(int link) {
    Optional<Qdisc> carrier = traffic.findQdisc(link, TrafficHandle.INGRESS);
    if (carrier.isEmpty()) {
      return;
    }
    List<Filter> own = own(link);
    if (!own.isEmpty()) {
      traffic.deleteFilters(link, TrafficHandle.CLSACT_INGRESS, PRIORITY);
    }
    if (carrier.get().kind() instanceof QdiscKind.Ingress
        && traffic.filters(link, TrafficHandle.CLSACT_INGRESS).isEmpty()) {
      traffic.deleteQdisc(link, TrafficHandle.INGRESS);
    }
  }

  private Link require(int link) {
    return links
        .find(link)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.NOT_FOUND,
            "link " + link,
            "limit the rate of link " + link + ": there is no such link"));
  }

  private static void requireBurst(Link link, Limit limit) {
    // A longer packet never finds tokens enough.
    Rules.range(
        "burstBytes of link " + link.name(),
        limit.burstBytes(),
        (long) link.mtu() + ETHERNET_HEADER,
        0xffffffffL);
  }
}
