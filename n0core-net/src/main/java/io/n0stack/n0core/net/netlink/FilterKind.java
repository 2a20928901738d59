package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * How a filter chooses packets, and what it does with them. See tc(8) and {@code linux/pkt_cls.h}.
 *
 * @since 0.1
 */
public sealed interface FilterKind {
  /**
   * Returns the kernel's word for it.
   *
   * @return such as {@code u32}
   */
  String kernelName();

  /**
   * Looks at 32 bits here and there. See tc-u32(8).
   *
   * @param matches which bits must be how, at most 128; empty for all packets
   * @param target the class that the packets go into; empty for none
   * @param actions what is done with them, in this order, at most 32
   */
  record U32(List<Match> matches, Optional<TrafficHandle> target, List<FilterAction> actions)
      implements FilterKind {
    /** Copies the lists. */
    public U32 {
      matches = List.copyOf(matches);
      Rules.range("number of matches", matches.size(), 0, 128);
      actions = requireActions(actions);
    }

    /**
     * Bits that must be as they are in a value.
     *
     * @param value the bits, the first in a packet the most significant
     * @param mask which of them are looked at
     * @param offset bytes from the beginning of the network header, -64 to 65532; negative in the link
     *     header
     */
    public record Match(int value, int mask, int offset) {
      /** Checks the offset, and takes from the value what is not looked at, as the kernel does. */
      public Match {
        Rules.range("offset", offset, -64, 65532);
        value &= mask;
      }
    }

    /**
     * Matches all packets.
     *
     * @param actions what is done with them, in this order
     * @return the filter
     */
    public static U32 all(FilterAction... actions) {
      return new U32(List.of(), Optional.empty(), List.of(actions));
    }

    @Override
    public String kernelName() {
      return "u32";
    }
  }

  /**
   * Matches all packets. See tc-matchall(8).
   *
   * @param target the class that the packets go into; empty for none
   * @param actions what is done with them, in this order, at most 32
   */
  record MatchAll(Optional<TrafficHandle> target, List<FilterAction> actions)
      implements FilterKind {
    /** Copies the list. */
    public MatchAll {
      actions = requireActions(actions);
    }

    @Override
    public String kernelName() {
      return "matchall";
    }
  }

  /**
   * Any other kind.
   *
   * @param kernelName the kernel's word for it, 1 to 15 bytes
   * @param data what is in TCA_OPTIONS as the kernel writes it, in hexadecimal digits
   */
  record Other(String kernelName, String data) implements FilterKind {
    /** Checks both. */
    public Other {
      TrafficNames.requireOther(kernelName, data);
    }

    byte[] octets() {
      return HexFormat.of().parseHex(data);
    }
  }

  private static List<FilterAction> requireActions(List<FilterAction> actions) {
    Rules.range("number of actions", actions.size(), 0, 32); // TCA_ACT_MAX_PRIO
    return List.copyOf(actions);
  }
}
