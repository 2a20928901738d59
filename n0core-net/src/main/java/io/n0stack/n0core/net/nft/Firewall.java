package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.net.nft.Chain.Hook;
import io.n0stack.n0core.net.nft.Chain.Point;
import io.n0stack.n0core.net.nft.Chain.Policy;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import io.n0stack.n0core.net.nft.Expression.VerdictMap;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.KeyType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a host does for its guests with packets: it holds them to their addresses, keeps them apart, and
 * translates addresses. All of it is in two tables of one name, one of family bridge and one of family
 * inet, which are there while anything is in them. Other tables are left alone; one of the same name
 * that belongs to somebody else is refused.
 *
 * <p>Each method changes the part that it names, in one transaction, and finds it as it was left by any
 * process. Thread-safe, also if several processes use the same tables. Methods throw what those of
 * {@link Nft} throw; N0Exception with code ALREADY_EXISTS if a table belongs to another owner, and
 * PRECONDITION if one's sets were made anew by somebody else.
 *
 * @since 0.1
 */
public final class Firewall {
  private static final int BRIDGE_FILTER =
      -200; // NF_BR_PRI_FILTER_BRIDGED, linux/netfilter_bridge.h
  private static final int DESTINATION = -100; // NF_IP_PRI_NAT_DST, linux/netfilter_ipv4.h
  private static final int SOURCE = 100; // NF_IP_PRI_NAT_SRC
  private static final int FIRST = 1;
  private static final int LONGEST_ID = 100;
  private static final int DIGEST_BYTES = 8;
  private static final String GUARDS = "guards";
  private static final String PORTS = "ports";
  private static final String ISOLATED = "isolated";
  private static final String PORT = "port-";
  private static final String IPV6 = "ipv6-";
  private static final String MASQUERADE = "masquerade ";
  private static final String FORWARD = "forward ";

  private final Ruleset ruleset;
  private final OwnTable filter;
  private final OwnTable nat;
  private final Translations translations;

  private Firewall(Ruleset ruleset, String table, String owner) {
    this.ruleset = ruleset;
    filter = new OwnTable(ruleset, filter(table, owner));
    nat = new OwnTable(ruleset, nat(table, owner));
    translations = new Translations(ruleset, nat);
  }

  /**
   * Works in the tables of a name. Changes nothing yet.
   *
   * @param nft the connection to use, which stays the caller's
   * @param table the tables' name, 1 to 255 bytes; one for each agent on a host
   * @param owner the tables' comment, 1 to 127 bytes, by which they are known as the caller's
   * @return the firewall
   */
  public static Firewall of(Nft nft, String table, String owner) {
    return new Firewall(nft.ruleset(), table, owner);
  }

  private static Table filter(String name, String owner) {
    Rule guard = Steps.rule(
        Steps.of(new Expression.Meta(MetaKey.IIFNAME, FIRST), new VerdictMap(GUARDS, FIRST)));
    List<Rule> apart =
        List.of(apart(MetaKey.IIFNAME, MetaKey.OIFNAME), apart(MetaKey.OIFNAME, MetaKey.IIFNAME));
    return Table.of(
        new TableId(Family.BRIDGE, name),
        owner,
        List.of(
            NamedSet.map(GUARDS, KeyType.IFNAME, List.of()),
            NamedSet.of(PORTS, KeyType.IFNAME, List.of()),
            NamedSet.of(ISOLATED, KeyType.IFNAME, List.of())),
        List.of(
            Chain.base("prerouting", filterAt(Point.PREROUTING), List.of(guard)),
            Chain.base("forward", filterAt(Point.FORWARD), apart)));
  }

  private static Hook filterAt(Point point) {
    return new Hook(Chain.Type.FILTER, point, BRIDGE_FILTER, Policy.ACCEPT);
  }

  private static Rule apart(MetaKey isolated, MetaKey other) {
    return Steps.rule(
        Matches.in(isolated, ISOLATED),
        Matches.in(other, PORTS),
        Steps.of(Counter.zero(), Verdict.drop()));
  }

  private static Table nat(String name, String owner) {
    return Table.of(
        new TableId(Family.INET, name),
        owner,
        List.of(),
        List.of(
            natAt(Point.PREROUTING, Translations.PREROUTING, DESTINATION),
            natAt(Point.OUTPUT, Translations.OUTPUT, DESTINATION),
            natAt(Point.POSTROUTING, Translations.POSTROUTING, SOURCE)));
  }

  private static Chain natAt(Point point, String name, int priority) {
    return Chain.base(name, new Hook(Chain.Type.NAT, point, priority, Policy.ACCEPT), List.of());
  }

  static void requireId(String id) {
    Names.requireComment("id", id);
    Rules.text("id", id, LONGEST_ID);
  }

  /**
   * Makes what the guest behind a tap sends be held to a guard, and other ports be kept from it if it is
   * isolated. The tap need not be there yet; its name counts. A guard that the tap has is replaced.
   *
   * @param tap the tap's name
   * @param guard what the guest may send; one from which everything may pass still makes the tap a port
   *     that isolated ones do not reach
   * @return whether anything was changed
   */
  public boolean guard(String tap, PortGuard guard) {
    Rules.linkName("tap", tap);
    return ruleset.change(() -> guarding(tap, guard));
  }

  private List<NftMessage> guarding(String tap, PortGuard guard) {
    boolean there = filter.isThere();
    List<NftMessage> messages = new ArrayList<>(filter.missing(there));
    if (!there || !holds(tap, guard)) {
      messages.addAll(there ? replacing(tap, guard) : adding(tap, guard));
    }
    return messages;
  }

  private static List<Chain> chains(String tap, PortGuard guard) {
    return GuardRules.chains(PORT + tap, IPV6 + tap, guard);
  }

  /** Tells whether the tap's own part is exactly so. */
  private boolean holds(String tap, PortGuard guard) {
    TableId table = filter.id();
    List<Chain> found = new ArrayList<>();
    for (String prefix : List.of(PORT, IPV6)) {
      ruleset.chain(table, prefix + tap).map(Chain::withoutCounts).ifPresent(found::add);
    }
    return found.equals(chains(tap, guard))
        && element(GUARDS, tap).equals(Optional.of(jump(tap)))
        && element(PORTS, tap).isPresent()
        && element(ISOLATED, tap).isPresent() == (guard.isolation() == Isolation.ISOLATED);
  }

  private static Element jump(String tap) {
    return Element.of(Octets.ofLink(tap), Verdict.jump(PORT + tap));
  }

  private Optional<Element> element(String set, String tap) {
    return ruleset.element(filter.id(), set, Octets.ofLink(tap));
  }

  private List<NftMessage> adding(String tap, PortGuard guard) {
    TableId table = filter.id();
    List<NftMessage> messages = new ArrayList<>();
    List<Chain> chains = chains(tap, guard);
    chains.forEach(chain -> messages.add(NftMessage.addChain(table, chain)));
    for (Chain chain : chains) {
      chain.rules().forEach(rule -> messages.add(NftMessage.addRule(table, chain.name(), rule)));
    }
    Element member = Element.of(Octets.ofLink(tap));
    messages.addAll(NftMessage.addElements(table, GUARDS, List.of(jump(tap))));
    messages.addAll(NftMessage.addElements(table, PORTS, List.of(member)));
    if (guard.isolation() == Isolation.ISOLATED) {
      messages.addAll(NftMessage.addElements(table, ISOLATED, List.of(member)));
    }
    return messages;
  }

  /**
   * Leaves chains and jump where they are, if they are the same but for their rules: a packet that is on
   * its way may find the element of the next generation, and in a chain of that one no rules of its own,
   * so that all would pass.
   */
  private List<NftMessage> replacing(String tap, PortGuard guard) {
    TableId table = filter.id();
    List<Chain> wanted = chains(tap, guard);
    Optional<Chain> first = ruleset.chain(table, PORT + tap);
    boolean inPlace = first.isPresent()
        && first.get().comment().equals(wanted.get(0).comment())
        && element(GUARDS, tap).equals(Optional.of(jump(tap)))
        && element(PORTS, tap).isPresent();
    if (!inPlace) {
      List<NftMessage> messages = new ArrayList<>(removing(tap));
      messages.addAll(adding(tap, guard));
      return messages;
    }
    Optional<Chain> second = ruleset.chain(table, IPV6 + tap);
    List<NftMessage> messages = new ArrayList<>();
    messages.add(NftMessage.flushChain(table, PORT + tap));
    second.ifPresent(found -> {
      messages.add(NftMessage.flushChain(table, found.name()));
      if (wanted.size() == 1) {
        messages.add(NftMessage.deleteChain(table, found.name()));
      }
    });
    if (wanted.size() > 1 && second.isEmpty()) {
      messages.add(NftMessage.addChain(table, wanted.get(1)));
    }
    for (Chain chain : wanted) {
      chain.rules().forEach(rule -> messages.add(NftMessage.addRule(table, chain.name(), rule)));
    }
    messages.addAll(isolating(tap, guard));
    return messages;
  }

  private List<NftMessage> isolating(String tap, PortGuard guard) {
    Optional<Element> isolated = element(ISOLATED, tap);
    boolean wanted = guard.isolation() == Isolation.ISOLATED;
    if (wanted && isolated.isEmpty()) {
      return NftMessage.addElements(filter.id(), ISOLATED, List.of(Element.of(Octets.ofLink(tap))));
    }
    return isolated.isPresent() && !wanted
        ? List.of(NftMessage.deleteElement(filter.id(), ISOLATED, isolated.get().key()))
        : List.of();
  }

  private List<NftMessage> removing(String tap) {
    TableId table = filter.id();
    List<NftMessage> messages = new ArrayList<>();
    for (String set : List.of(GUARDS, PORTS, ISOLATED)) {
      element(set, tap)
          .ifPresent(found -> messages.add(NftMessage.deleteElement(table, set, found.key())));
    }
    for (String prefix : List.of(PORT, IPV6)) {
      ruleset
          .chain(table, prefix + tap)
          .ifPresent(found -> messages.add(NftMessage.deleteChain(table, found.name())));
    }
    return messages;
  }

  /**
   * Takes the guard of a tap away, if it has one.
   *
   * @param tap the tap's name
   * @return whether it had one
   */
  public boolean unguard(String tap) {
    Rules.linkName("tap", tap);
    return ruleset.change(() -> {
      if (!filter.isThere()) {
        return List.of();
      }
      boolean others = ruleset.chains(filter.id()).stream()
          .anyMatch(chain -> chain.name().startsWith(PORT) && !chain.name().equals(PORT + tap));
      return others ? removing(tap) : List.of(NftMessage.deleteTable(filter.id()));
    });
  }

  /**
   * Tells whether a tap is held to exactly this guard, with nothing missing or changed.
   *
   * @param tap the tap's name
   * @param guard as it was given
   * @return whether {@link #guard} would change nothing
   */
  public boolean isGuarded(String tap, PortGuard guard) {
    Rules.linkName("tap", tap);
    return complete(filter, () -> guarding(tap, guard));
  }

  /** Tells whether nothing would be sent. Another's table is no error then: ours is not there. */
  private boolean complete(OwnTable table, Supplier<List<NftMessage>> plan) {
    return ruleset.consistent(() -> table.isOurs() && plan.get().isEmpty());
  }

  /**
   * Describes the guard that a tap has, so that one can tell whether it is still the one that was given.
   *
   * @param tap the tap's name
   * @return {@link #digest(String, PortGuard)} of the guard if nothing is missing or changed, something
   *     else if it is; empty if there is no guard
   */
  public Optional<String> digest(String tap) {
    Rules.linkName("tap", tap);
    return ruleset.consistent(() -> {
      if (!filter.isOurs()) {
        return Optional.<String>empty();
      }
      List<Chain> found = new ArrayList<>();
      for (String prefix : List.of(PORT, IPV6)) {
        ruleset.chain(filter.id(), prefix + tap).map(Chain::withoutCounts).ifPresent(found::add);
      }
      boolean member = element(GUARDS, tap).equals(Optional.of(jump(tap)))
          && element(PORTS, tap).isPresent()
          && filter.missing(true).isEmpty();
      Isolation isolation =
          element(ISOLATED, tap).isPresent() ? Isolation.ISOLATED : Isolation.SHARED;
      return found.isEmpty()
          ? Optional.empty()
          : Optional.of(member ? digest(found, isolation) : "incomplete");
    });
  }

  /**
   * Describes a guard.
   *
   * @param tap the tap's name
   * @param guard what the guest may send
   * @return 16 hexadecimal digits
   */
  public static String digest(String tap, PortGuard guard) {
    return digest(chains(tap, guard), guard.isolation());
  }

  private static String digest(List<Chain> chains, Isolation isolation) {
    byte[] text = (isolation + " " + chains).getBytes(StandardCharsets.UTF_8);
    try {
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(text);
      return HexFormat.of().formatHex(sum, 0, DIGEST_BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every platform has it
    }
  }

  /**
   * Lists what is guarded.
   *
   * @return in the order of the taps' names; empty if there is no such table, or it is another's
   */
  public List<GuardedPort> ports() {
    return ruleset.consistent(() ->
        filter.isOurs() ? ruleset.read(filter.id()).map(this::ports).orElse(List.of()) : List.of());
  }

  private List<GuardedPort> ports(Table table) {
    List<Octets> isolated = table.sets().stream()
        .filter(set -> set.name().equals(ISOLATED))
        .flatMap(set -> set.elements().stream())
        .map(Element::key)
        .toList();
    List<GuardedPort> ports = new ArrayList<>();
    for (Chain chain : table.chains()) {
      if (chain.name().startsWith(PORT)) {
        String tap = chain.name().substring(PORT.length());
        boolean alone = isolated.stream().anyMatch(key -> key.text().equals(tap));
        ports.add(new GuardedPort(
            tap,
            chain.comment().orElse(""),
            alone ? Isolation.ISOLATED : Isolation.SHARED,
            dropped(table, PORT + tap) + dropped(table, IPV6 + tap)));
      }
    }
    return ports;
  }

  private static long dropped(Table table, String chain) {
    return table.chains().stream()
        .filter(each -> each.name().equals(chain))
        .flatMap(each -> each.rules().stream())
        .flatMap(rule -> rule.expressions().stream())
        .mapToLong(each -> each instanceof Counter counter ? counter.packets() : 0)
        .sum();
  }

  /**
   * Makes guests of a network reach others.
   *
   * @param source which, and how
   * @return whether anything was changed
   */
  public boolean masquerade(SourceNat source) {
    return translations.put(MASQUERADE + source.id(), NatRules.of(source));
  }

  /**
   * Takes back {@link #masquerade}. Connections that are there stay as they are.
   *
   * @param id of the {@link SourceNat}
   * @return whether there was one
   */
  public boolean unmasquerade(String id) {
    requireId(id);
    return translations.remove(MASQUERADE + id);
  }

  /**
   * Lists for what {@link #masquerade} was called.
   *
   * @return the ids, sorted
   */
  public List<String> masquerades() {
    return translations.list(MASQUERADE);
  }

  /**
   * Tells whether the rules are exactly so, with nothing missing or changed.
   *
   * @param source as it was given
   * @return whether {@link #masquerade} would change nothing
   */
  public boolean isMasqueraded(SourceNat source) {
    return complete(nat, () -> translations.putting(MASQUERADE + source.id(), NatRules.of(source)));
  }

  /**
   * Makes a guest answer behind a port of the host.
   *
   * @param forward which, and how
   * @return whether anything was changed
   */
  public boolean forward(PortForward forward) {
    return translations.put(FORWARD + forward.id(), NatRules.of(forward));
  }

  /**
   * Takes back {@link #forward}. Connections that are there stay as they are.
   *
   * @param id of the {@link PortForward}
   * @return whether there was one
   */
  public boolean unforward(String id) {
    requireId(id);
    return translations.remove(FORWARD + id);
  }

  /**
   * Lists for what {@link #forward} was called.
   *
   * @return the ids, sorted
   */
  public List<String> forwards() {
    return translations.list(FORWARD);
  }

  /**
   * Tells whether the rules are exactly so, with nothing missing or changed.
   *
   * @param forward as it was given
   * @return whether {@link #forward} would change nothing
   */
  public boolean isForwarded(PortForward forward) {
    return complete(nat, () -> translations.putting(FORWARD + forward.id(), NatRules.of(forward)));
  }

  /**
   * Deletes both tables, if they are there.
   *
   * @return whether one was there
   */
  public boolean clear() {
    return ruleset.change(() -> {
      List<NftMessage> messages = new ArrayList<>();
      for (OwnTable table : List.of(filter, nat)) {
        if (table.isThere()) {
          messages.add(NftMessage.deleteTable(table.id()));
        }
      }
      return messages;
    });
  }

  @Override
  public String toString() {
    return "firewall in " + filter.id() + " and " + nat.id();
  }
}
