package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A table with all that is in it.
 *
 * @param id which
 * @param owner the table's comment, 1 to 127 bytes, by which its owner knows it as his; empty if it has
 *     none
 * @param sets its sets and maps, in the order of their names
 * @param chains its chains, in the order of their names
 * @since 0.1
 */
public record Table(TableId id, Optional<String> owner, List<NamedSet> sets, List<Chain> chains) {
  /** Sorts sets and chains, and checks that no name is there twice. */
  public Table {
    owner.ifPresent(text -> Names.requireComment("owner", text));
    sets = sets.stream().sorted(Comparator.comparing(NamedSet::name)).toList();
    chains = chains.stream().sorted(Comparator.comparing(Chain::name)).toList();
    requireDistinct("sets", sets.stream().map(NamedSet::name));
    requireDistinct("chains", chains.stream().map(Chain::name));
  }

  private static void requireDistinct(String field, Stream<String> names) {
    List<String> all = names.toList();
    if (all.stream().distinct().count() < all.size()) {
      throw N0Exception.invalid(field, all, "must have different names");
    }
  }

  /**
   * Makes a table.
   *
   * @param id which
   * @param owner its comment, 1 to 127 bytes
   * @param sets its sets and maps
   * @param chains its chains
   * @return a table
   */
  public static Table of(TableId id, String owner, List<NamedSet> sets, List<Chain> chains) {
    return new Table(id, Optional.of(owner), sets, chains);
  }

  /**
   * Forgets what was counted, so that tables can be compared.
   *
   * @return a copy whose counters are zero
   */
  public Table withoutCounts() {
    return new Table(id, owner, sets, chains.stream().map(Chain::withoutCounts).toList());
  }
}
