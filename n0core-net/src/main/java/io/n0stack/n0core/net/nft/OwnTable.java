package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.nft.Stored.StoredTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A table whose sets and base chains are always there, whatever else is in it. */
final class OwnTable {
  private final Ruleset ruleset;
  private final Table skeleton;

  /**
   * Makes nothing yet.
   *
   * @param skeleton sets without elements, and base chains; those without rules can be given some
   */
  OwnTable(Ruleset ruleset, Table skeleton) {
    this.ruleset = ruleset;
    this.skeleton = skeleton;
  }

  TableId id() {
    return skeleton.id();
  }

  /** Tells whether it is there, and refuses another's. */
  boolean isThere() {
    Optional<StoredTable> found = ruleset.table(id());
    found.ifPresent(
        table -> Nft.requireOwner(id(), table.owner(), skeleton.owner().orElseThrow()));
    return found.isPresent();
  }

  boolean isOurs() {
    return ruleset
        .table(id())
        .filter(table -> table.owner().equals(skeleton.owner()))
        .isPresent();
  }

  /** Says what to send for the skeleton to be there. */
  List<NftMessage> missing(boolean there) {
    List<NftMessage> messages = new ArrayList<>();
    if (!there) {
      messages.add(NftMessage.addTable(id(), skeleton.owner().orElseThrow()));
    }
    missingSets(there, messages);
    for (Chain chain : skeleton.chains()) {
      missingChain(there ? ruleset.chain(id(), chain.name()) : Optional.empty(), chain, messages);
    }
    return messages;
  }

  private void missingSets(boolean there, List<NftMessage> messages) {
    if (skeleton.sets().isEmpty()) {
      return;
    }
    Map<String, NamedSet> found = there
        ? ruleset.sets(id()).stream().collect(Collectors.toMap(NamedSet::name, Function.identity()))
        : Map.of();
    int number = 1;
    for (NamedSet set : skeleton.sets()) {
      NamedSet before = found.get(set.name());
      if (before == null) {
        messages.add(NftMessage.addSet(id(), set, number));
      } else if (!before.equals(set)) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id().toString(),
            "change " + id() + ": set " + Rules.quote(set.name())
                + " is not as it was made; delete the table");
      }
      number++;
    }
  }

  private void missingChain(Optional<Chain> found, Chain chain, List<NftMessage> messages) {
    boolean kept = found.isPresent() && found.get().hook().equals(chain.hook());
    if (!kept) {
      found.ifPresent(other -> messages.add(NftMessage.deleteChain(id(), chain.name())));
      messages.add(NftMessage.addChain(id(), chain));
    }
    if (chain.rules().isEmpty()
        || (kept && found.get().withoutCounts().rules().equals(chain.rules()))) {
      return;
    }
    if (kept) {
      messages.add(NftMessage.flushChain(id(), chain.name()));
    }
    chain.rules().forEach(rule -> messages.add(NftMessage.addRule(id(), chain.name(), rule)));
  }
}
