package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.net.nft.Stored.StoredRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Rules in the base chains of a table, known by their comment. */
final class Translations {
  static final String PREROUTING = "prerouting";
  static final String OUTPUT = "output";
  static final String POSTROUTING = "postrouting";

  private final Ruleset ruleset;
  private final OwnTable table;

  Translations(Ruleset ruleset, OwnTable table) {
    this.ruleset = ruleset;
    this.table = table;
  }

  /** Makes the rules of a comment be these; the keys are chains. */
  boolean put(String comment, Map<String, List<Rule>> wanted) {
    return ruleset.change(() -> putting(comment, wanted));
  }

  List<NftMessage> putting(String comment, Map<String, List<Rule>> wanted) {
    boolean there = table.isThere();
    List<NftMessage> messages = new ArrayList<>(table.missing(there));
    List<StoredRule> before = there
        ? ruleset.rules(table.id()).stream().filter(each -> is(each, comment)).toList()
        : List.of();
    Map<String, List<Rule>> found = new TreeMap<>();
    for (StoredRule each : before) {
      found
          .computeIfAbsent(each.chain(), chain -> new ArrayList<>())
          .add(each.rule().withoutCounts());
    }
    Map<String, List<Rule>> stamped = new TreeMap<>();
    wanted.forEach((chain, rules) ->
        stamped.put(chain, rules.stream().map(rule -> rule.withComment(comment)).toList()));
    // A chain that was not as it was made is new, and empty.
    if (!found.equals(stamped) || !messages.isEmpty()) {
      messages.addAll(0, before.stream().map(this::deleting).toList());
      stamped.forEach((chain, rules) ->
          rules.forEach(rule -> messages.add(NftMessage.addRule(table.id(), chain, rule))));
    }
    return messages;
  }

  private static boolean is(StoredRule each, String comment) {
    return each.rule().comment().equals(Optional.of(comment));
  }

  private NftMessage deleting(StoredRule each) {
    return NftMessage.deleteRule(table.id(), each.chain(), each.handle());
  }

  /** Deletes the rules of a comment, and the table with its last rule. */
  boolean remove(String comment) {
    return ruleset.change(() -> {
      if (!table.isThere()) {
        return List.of();
      }
      List<StoredRule> all = ruleset.rules(table.id());
      return all.stream().allMatch(each -> is(each, comment))
          ? List.of(NftMessage.deleteTable(table.id()))
          : all.stream().filter(each -> is(each, comment)).map(this::deleting).toList();
    });
  }

  /** Lists what is behind a prefix in comments. */
  List<String> list(String prefix) {
    return ruleset
        .consistent(() -> table.isOurs() ? ruleset.rules(table.id()) : List.<StoredRule>of())
        .stream()
        .flatMap(each -> each.rule().comment().stream())
        .flatMap(comment -> comment.startsWith(prefix)
            ? Stream.of(comment.substring(prefix.length()))
            : Stream.empty())
        .distinct()
        .sorted()
        .toList();
  }
}
