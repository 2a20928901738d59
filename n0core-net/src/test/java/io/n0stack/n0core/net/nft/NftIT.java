package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.nft.Chain.Hook;
import io.n0stack.n0core.net.nft.Chain.Point;
import io.n0stack.n0core.net.nft.Chain.Policy;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.Ct;
import io.n0stack.n0core.net.nft.Expression.CtKey;
import io.n0stack.n0core.net.nft.Expression.Decision;
import io.n0stack.n0core.net.nft.Expression.Immediate;
import io.n0stack.n0core.net.nft.Expression.Limit;
import io.n0stack.n0core.net.nft.Expression.Lookup;
import io.n0stack.n0core.net.nft.Expression.Masquerade;
import io.n0stack.n0core.net.nft.Expression.Membership;
import io.n0stack.n0core.net.nft.Expression.Meta;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Nat;
import io.n0stack.n0core.net.nft.Expression.NatType;
import io.n0stack.n0core.net.nft.Expression.Operator;
import io.n0stack.n0core.net.nft.Expression.Other;
import io.n0stack.n0core.net.nft.Expression.Payload;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import io.n0stack.n0core.net.nft.Expression.VerdictMap;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.KeyType;
import io.n0stack.n0core.net.nft.NamedSet.Kind;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NftIT {
  private static final String OWNER = "n0core test";
  private static final TableId ID = new TableId(Family.INET, "own");
  private static final Hook FORWARD = new Hook(Chain.Type.FILTER, Point.FORWARD, -5, Policy.DROP);

  private Nft nft;

  @BeforeEach
  void open() {
    nft = Nft.open();
  }

  @AfterEach
  void close() {
    nft.close();
  }

  private static Chain forward(Rule... rules) {
    return Chain.base("forward", FORWARD, List.of(rules));
  }

  private static Table table(Chain... chains) {
    return Table.of(ID, OWNER, List.of(), List.of(chains));
  }

  /** A table with each word that there is. */
  static Table everything() {
    KeyType pair = KeyType.IPV4_ADDR.and(KeyType.INET_SERVICE);
    Octets loopback = new Octets("7f000001");
    List<NamedSet> sets = List.of(
        NamedSet.of("links", KeyType.IFNAME, List.of(Octets.ofLink("eth0"), Octets.ofLink("äb"))),
        NamedSet.of("pairs", pair, List.of(new Octets("0a4d000200500000"))),
        new NamedSet(
            "addresses",
            KeyType.IPV6_ADDR,
            Kind.SET,
            List.of(new Element(
                new Octets("fd" + "00".repeat(15)), Optional.empty(), Optional.of("ours"))),
            Optional.of("a set")),
        NamedSet.map(
            "verdicts",
            KeyType.ETHER_ADDR,
            List.of(
                Element.of(new Octets("525400000001"), Verdict.jump("leaf")),
                Element.of(new Octets("525400000002"), Verdict.drop()))));
    Rule matching = Rule.of(
            new Meta(MetaKey.L4PROTO, 1),
            new Compare(Operator.NOT_EQUAL, new Octets("11"), 1),
            new Payload(Base.NETWORK, 12, 4, 2),
            new Bitwise(new Octets("ffffff00"), new Octets("00000001"), 2),
            new Compare(Operator.AT_LEAST, loopback, 2),
            new Ct(CtKey.STATE, 3),
            new Meta(MetaKey.IIFNAME, 4),
            new Lookup("links", Membership.NOT_IN, 4),
            new Counter(7, 4711),
            new Limit(10, 60, 5),
            Verdict.jump("regular"))
        .withComment("a rule");
    Chain regular = Chain.regular(
            "regular",
            List.of(
                Rule.of(new Verdict(Decision.CONTINUE, Optional.empty())),
                Rule.of(new Verdict(Decision.RETURN, Optional.empty())),
                Rule.of(new Payload(Base.LINK, 6, 6, 1), new VerdictMap("verdicts", 1)),
                Rule.of(
                    new Immediate(new Octets("7f00000100500000"), 9),
                    new Lookup("pairs", Membership.IN, 9))))
        .withComment("a chain");
    Chain nat = Chain.base(
        "nat",
        new Hook(Chain.Type.NAT, Point.POSTROUTING, 100, Policy.ACCEPT),
        List.of(
            Rule.of(
                new Immediate(loopback, 1),
                new Immediate(Octets.ofShort(8080), 2),
                new Nat(NatType.SOURCE, Family.IP, 1, OptionalInt.of(2))),
            Rule.of(new Masquerade())));
    return Table.of(
        ID,
        OWNER,
        sets,
        List.of(forward(matching), Chain.regular("leaf", List.of()), nat, regular));
  }

  @Test
  void tableIsReadAsItWasWritten() {
    assertThat(nft.find(ID)).isEmpty();

    assertThat(nft.apply(everything())).isTrue();

    assertThat(nft.tables()).containsExactly(ID);
    assertThat(nft.find(ID)).contains(everything());
  }

  @Test
  void applyingTheSameAgainSendsNothing() {
    nft.apply(everything());
    long generation = nft.generation();

    assertThat(nft.apply(everything())).isFalse();

    assertThat(nft.generation()).isEqualTo(generation);
    assertThat(nft.apply(table(forward()))).isTrue();
    assertThat(nft.find(ID)).contains(table(forward()));
  }

  @Test
  void whatNftMakesIsReadAsWhatWeWouldMake() {
    NftProgram.script("""
        table inet own {
          comment "n0core test"
          set links {
            type ifname
            elements = { "eth0" }
          }
          chain regular {
          }
          map m {
            type ifname : verdict
            elements = { "tap0" : jump regular }
          }
          chain forward {
            type filter hook forward priority -5; policy drop;
            iifname @links ip saddr 10.77.0.0/16 counter drop comment "a rule"
            iifname vmap @m comment "a map"
            meta mark 5 accept
          }
        }
        """);

    Rule first = Rule.of(
            new Meta(MetaKey.IIFNAME, 1),
            new Lookup("links", Membership.IN, 1),
            new Meta(MetaKey.NFPROTO, 1),
            new Compare(Operator.EQUAL, new Octets("02"), 1),
            // nft loads just the bytes of the prefix.
            new Payload(Base.NETWORK, 12, 2, 1),
            new Compare(Operator.EQUAL, new Octets("0a4d"), 1),
            Counter.zero(),
            Verdict.drop())
        .withComment("a rule");
    Rule second =
        Rule.of(new Meta(MetaKey.IIFNAME, 1), new VerdictMap("m", 1)).withComment("a map");
    Rule third = Rule.of(
        new Meta(MetaKey.MARK, 1),
        new Compare(Operator.EQUAL, Octets.ofNative(5), 1),
        Verdict.accept());
    Table expected = Table.of(
        ID,
        OWNER,
        List.of(
            NamedSet.of("links", KeyType.IFNAME, List.of(Octets.ofLink("eth0"))),
            NamedSet.map(
                "m",
                KeyType.IFNAME,
                List.of(Element.of(Octets.ofLink("tap0"), Verdict.jump("regular"))))),
        List.of(Chain.regular("regular", List.of()), forward(first, second, third)));
    assertThat(nft.find(ID)).contains(expected);
    assertThat(nft.apply(expected)).isFalse();
  }

  @Test
  void wordsThatWeDoNotHaveAreReadAsTheyAreAndWrittenAgain() {
    NftProgram.script("""
        table inet own {
          comment "n0core test"
          set s {
            type ipv4_addr
            flags interval
            elements = { 10.0.0.0/8 }
          }
          chain forward {
            type filter hook forward priority -5; policy drop;
            ip saddr @s drop
            tcp dport { 80, 443 } accept
            tcp flags syn tcp option maxseg size set rt mtu
            limit rate over 5 kbytes/second log prefix "x" reject
          }
        }
        """);

    Table found = nft.find(ID).orElseThrow();

    assertThat(found.sets()).hasSize(2).extracting(NamedSet::kind).containsOnly(Kind.OTHER);
    assertThat(found.chains().get(0).rules().get(2).expressions())
        .hasAtLeastOneElementOfType(Other.class);
    assertThatThrownBy(() -> nft.apply(
            Table.of(new TableId(Family.INET, "copy"), OWNER, found.sets(), found.chains())))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    List<Rule> rules = found.chains().get(0).rules();
    assertThat(nft.apply(table(forward(rules.get(3))))).isTrue();
    assertThat(NftProgram.list(ID))
        .contains("limit rate over 5 kbytes/second log prefix \"x\" reject");
  }

  @Test
  void transactionWithOneBadMessageChangesNothing() {
    Table good = table(forward(Rule.of(Verdict.drop())));
    nft.apply(good);
    long generation = nft.generation();

    assertThatThrownBy(() ->
            nft.apply(table(forward(Rule.of(Verdict.accept()), Rule.of(Verdict.jump("nowhere"))))))
        .isInstanceOfSatisfying(NftException.class, e -> {
          assertThat(e.errnoName()).isEqualTo("ENOENT");
          assertThat(e.attributePath()).isNotEmpty();
        })
        .hasMessageContaining("add rule")
        .hasMessageContaining("nowhere")
        .hasMessageContaining("chain \"forward\" of table inet \"own\"");

    assertThat(nft.generation()).isEqualTo(generation);
    assertThat(nft.find(ID)).contains(good);
  }

  @Test
  void eachRefusalOfATransactionIsTold() {
    Rule bad = Rule.of(Verdict.jump("nowhere"));

    assertThatThrownBy(() -> nft.apply(table(forward(bad, Rule.of(Verdict.accept()), bad))))
        .isInstanceOfSatisfying(
            NftException.class, e -> assertThat(e.getSuppressed()).hasSize(1));

    assertThat(nft.tables()).isEmpty();
  }

  @Test
  void changeOfWhatSomebodyElseChangedMeanwhileIsTriedAgain() {
    try (Nft other = Nft.open()) {
      TableId foreign = new TableId(Family.IP, "foreign");
      List<Long> generations = new ArrayList<>();

      boolean changed = nft.ruleset().change(() -> {
        generations.add(nft.generation());
        if (generations.size() <= 3) {
          other.apply(Table.of(foreign, "a foreigner " + generations.size(), List.of(), List.of()));
          other.delete(foreign, "a foreigner " + generations.size());
        }
        return List.of(NftMessage.addTable(ID, OWNER));
      });

      assertThat(changed).isTrue();
      assertThat(generations).hasSize(4).doesNotHaveDuplicates();
      assertThat(nft.tables()).containsExactly(ID);
    }
  }

  @Test
  void tableOfAnotherOwnerIsRefused() {
    NftProgram.run("add table inet own");

    for (Runnable change :
        List.<Runnable>of(() -> nft.apply(everything()), () -> nft.delete(ID, OWNER))) {
      assertThatThrownBy(change::run)
          .isInstanceOfSatisfying(
              N0Exception.class,
              e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS))
          .hasMessageContaining("table inet \"own\"");
    }

    assertThat(nft.find(ID)).contains(new Table(ID, Optional.empty(), List.of(), List.of()));
  }

  @Test
  void deleteIsIdempotent() {
    nft.apply(everything());

    assertThat(nft.delete(ID, OWNER)).isTrue();
    assertThat(nft.delete(ID, OWNER)).isFalse();

    assertThat(nft.tables()).isEmpty();
  }

  @Test
  void largeTableIsOneTransaction() {
    int ports = 3000;
    List<Rule> rules = IntStream.range(0, ports)
        .mapToObj(i -> Rule.of(
            new Meta(MetaKey.MARK, 1),
            new Compare(Operator.EQUAL, Octets.ofNative(i), 1),
            Verdict.drop()))
        .toList();
    List<Octets> keys =
        IntStream.range(0, ports).mapToObj(i -> Octets.ofLink("tap" + i)).toList();
    Table large = Table.of(
        ID,
        OWNER,
        List.of(NamedSet.of("links", KeyType.IFNAME, keys)),
        List.of(forward(rules.toArray(Rule[]::new))));
    long generation = nft.generation();

    nft.apply(large);

    assertThat(nft.generation()).isEqualTo(generation + 1);
    assertThat(nft.find(ID)).contains(large);
  }

  @Test
  void connectionWorksInTheNamespaceThatItWasOpenedFor() {
    try (NetNs other = NetNs.create();
        Nft there = Nft.open(other)) {
      there.apply(everything());

      assertThat(there.find(ID)).isPresent();
      assertThat(nft.tables()).isEmpty();
    }
  }

  @Test
  void closedConnectionSaysSo() {
    nft.close();

    assertThatThrownBy(nft::tables)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }
}
