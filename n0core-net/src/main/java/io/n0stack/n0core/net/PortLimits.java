package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.network.PortSpec.RateLimit;
import io.n0stack.n0core.net.StampedLinks.Stamped;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.RateLimits;
import io.n0stack.n0core.net.netlink.RateLimits.Limit;
import java.util.Optional;

/** The rate limits of ports. That on what a guest sends is in a part of its own, a link of kind ifb. */
final class PortLimits {
  static final String ROLE = "limit";
  private static final int ETHERNET_HEADER = 14;

  private final Netlink netlink;
  private final StampedLinks links;

  PortLimits(Netlink netlink, StampedLinks links) {
    this.netlink = netlink;
    this.links = links;
  }

  /** Refuses a bucket that no packet of full size would fit in. Changes nothing. */
  static void requireFitting(String field, Optional<RateLimit> limit, int mtu) {
    limit.ifPresent(bucket -> Rules.range(
        field + ".burstBytes", bucket.burstBytes(), mtu + ETHERNET_HEADER, Integer.MAX_VALUE));
  }

  /** The limits in force at a tap, and whether they are those that its stamp says. */
  record InForce(Optional<RateLimit> transmit, Optional<RateLimit> receive, boolean asAsked) {}

  InForce read(int tap, PortDetail asked) {
    RateLimits.InForce found = netlink.rateLimits().read(tap);
    Optional<RateLimit> transmit =
        found.ingressBlocked() ? Optional.empty() : shown(found.ingress(), asked.transmit());
    Optional<RateLimit> receive = shown(found.egress(), asked.receive());
    return new InForce(
        transmit,
        receive,
        !found.ingressBlocked()
            && found.ifb().isPresent() == asked.transmit().isPresent()
            && transmit.equals(asked.transmit())
            && receive.equals(asked.receive()));
  }

  /** What was asked for, if that is what is found but for the kernel's rounding. */
  private static Optional<RateLimit> shown(Optional<Limit> found, Optional<RateLimit> asked) {
    if (found.isPresent() && asked.isPresent() && limit(asked.get()).sameAs(found.get())) {
      return asked;
    }
    try {
      return found.map(other -> new RateLimit(other.bitsPerSecond(), other.burstBytes()));
    } catch (N0Exception e) {
      return Optional.empty(); // somebody else's, smaller than any of ours
    }
  }

  private static Limit limit(RateLimit limit) {
    return new Limit(limit.bitsPerSecond(), limit.burstBytes());
  }

  /** Makes the ifb link if one is needed and not there. */
  void prepare(Context cx, Stamp stamp, PortDetail wanted) {
    if (wanted.transmit().isPresent() && links.part(stamp.id(), ROLE).isEmpty()) {
      cx.step(
          "create ifb",
          () -> links.createPart(
              stamp.id(),
              ROLE,
              name -> new Stamped(
                  netlink.links().create(LinkSpec.ifb(name).withAlias(stamp.alias())), stamp)));
    }
  }

  /** Makes the limits what is wanted. */
  void converge(Context cx, Stamped tap, PortDetail wanted) {
    Optional<Stamped> ifb = links.part(tap.stamp().id(), ROLE);
    if (!read(tap.index(), wanted).asAsked()) {
      cx.step("limit rates", () -> {
        wanted
            .receive()
            .ifPresentOrElse(
                limit -> netlink
                    .rateLimits()
                    .limitEgress(tap.index(), limit.bitsPerSecond(), limit.burstBytes()),
                () -> netlink.rateLimits().clearEgress(tap.index()));
        if (wanted.transmit().isPresent() && ifb.isPresent()) {
          RateLimit limit = wanted.transmit().get();
          int index = ifb.get().index();
          netlink.links().change(index, LinkChange.none().withMtu(tap.link().mtu()));
          links.keepFromAutoconfiguration(ifb.get().link());
          netlink
              .rateLimits()
              .limitIngress(tap.index(), index, limit.bitsPerSecond(), limit.burstBytes());
        } else {
          netlink.rateLimits().clearIngress(tap.index());
        }
      });
    }
    if (wanted.transmit().isEmpty()) {
      ifb.ifPresent(unused -> delete(cx, unused));
    }
  }

  void delete(Context cx, Stamped ifb) {
    cx.step("delete ifb", () -> StampedLinks.unlessGone(() -> netlink.links().delete(ifb.index())));
  }
}
