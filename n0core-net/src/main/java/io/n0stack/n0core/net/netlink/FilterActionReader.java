package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.netlink.FilterAction.Mirred;
import io.n0stack.n0core.net.netlink.FilterAction.Verdict;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads what a filter does with packets. */
final class FilterActionReader {
  private FilterActionReader() {}

  static List<FilterAction> read(Attributes list) {
    List<FilterAction> actions = new ArrayList<>();
    while (list.advance()) {
      String kind = "";
      @Nullable Attributes options = null;
      byte[] raw = {};
      Attributes action = list.nested();
      while (action.advance()) {
        if (action.type() == TrafficNumbers.TCA_ACT_KIND) {
          kind = action.text();
        } else if (action.type() == TrafficNumbers.TCA_ACT_OPTIONS) {
          options = action.nested();
          raw = action.octets();
        }
      }
      actions.add(read(kind, options, raw));
    }
    return actions;
  }

  private static FilterAction read(String kind, @Nullable Attributes options, byte[] raw) {
    Optional<FilterAction> read = Optional.empty();
    if (options != null) {
      try {
        read = switch (kind) {
          case "mirred" -> mirred(options);
          case "police" -> police(options);
          case "gact" -> generic(options);
          default -> Optional.empty();
        };
      } catch (N0Exception e) {
        // A number that our own rules do not allow: shown as it is.
        read = Optional.empty();
      }
    }
    return read.orElseGet(() -> new FilterAction.Other(kind, HexFormat.of().formatHex(raw)));
  }

  private static Optional<FilterAction> mirred(Attributes options) {
    while (options.advance()) {
      if (options.type() == TrafficNumbers.TCA_MIRRED_PARMS) {
        int link = options.number(TrafficNumbers.MIRRED_IFINDEX);
        int eaction = options.number(TrafficNumbers.MIRRED_EACTION);
        for (Mirred.Side side : Mirred.Side.values()) {
          for (Mirred.Transfer transfer : Mirred.Transfer.values()) {
            Mirred mirred = new Mirred(transfer, side, link);
            if (TrafficWriter.eaction(mirred) == eaction) {
              return Optional.of(mirred);
            }
          }
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<FilterAction> generic(Attributes options) {
    while (options.advance()) {
      if (options.type() == TrafficNumbers.TCA_GACT_PARMS) {
        return Verdict.of(options.number(TrafficNumbers.ACTION_VERDICT))
            .map(FilterAction.Generic::new);
      }
    }
    return Optional.empty();
  }

  private static Optional<FilterAction> police(Attributes options) {
    int[] numbers = new int[4];
    long rate64 = 0;
    int conforming = 0;
    while (options.advance()) {
      switch (options.type()) {
        case TrafficNumbers.TCA_POLICE_TBF -> {
          numbers[0] = options.number(TrafficNumbers.POLICE_EXCEED);
          numbers[1] = options.number(TrafficNumbers.POLICE_BURST);
          numbers[2] = options.number(TrafficNumbers.POLICE_MTU);
          numbers[3] = options.number(TrafficNumbers.POLICE_RATE + TrafficNumbers.RATESPEC_RATE);
        }
        case TrafficNumbers.TCA_POLICE_RATE64 -> rate64 = options.longNumber();
        case TrafficNumbers.TCA_POLICE_RESULT -> conforming = options.number();
        default -> {
          // times, averages, and rates in packets
        }
      }
    }
    long rate = rate64 > 0 ? rate64 : Integer.toUnsignedLong(numbers[3]);
    Optional<Verdict> exceeding = Verdict.of(numbers[0]);
    Optional<Verdict> conform = Verdict.of(conforming);
    if (exceeding.isEmpty() || conform.isEmpty() || rate > Long.MAX_VALUE / Byte.SIZE) {
      return Optional.empty();
    }
    return Optional.of(new FilterAction.Police(
        rate * Byte.SIZE,
        SchedulerTicks.bytes(rate, numbers[1]),
        Integer.toUnsignedLong(numbers[2]),
        conform.get(),
        exceeding.get()));
  }
}
