package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * One step of a {@link Rule}, as in {@code linux/netfilter/nf_tables.h} and libnftnl: it loads a
 * register, compares one and stops the rule if they differ, or does something with the packet.
 *
 * <p>Registers are 1 to 4, of 16 bytes each; 8 to 23 are their quarters, of 4 bytes each. Numbers of a
 * packet are in network byte order, what the kernel knows of a packet in that of the machine.
 *
 * @since 0.1
 */
public sealed interface Expression {
  /** What is known of a packet besides its bytes; the numbers are those of {@code nft_meta_keys}. */
  enum MetaKey {
    /** The EtherType, 2 bytes in network order; of a tagged frame that of the tag's content. */
    PROTOCOL(1),
    /** The mark, 4 bytes. */
    MARK(3),
    /** The name of the link that it came from, 16 bytes. */
    IIFNAME(6),
    /** The name of the link that it goes to, 16 bytes. */
    OIFNAME(7),
    /** The number of a {@link Family}, 1 byte. */
    NFPROTO(15),
    /** The protocol in IPv4 or IPv6, 1 byte. */
    L4PROTO(16),
    /** Whom a frame is for, 1 byte: PACKET_BROADCAST and the like, linux/if_packet.h. */
    PKTTYPE(19);

    private final int number;

    MetaKey(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<MetaKey> of(int number) {
      return Stream.of(values()).filter(key -> key.number == number).findFirst();
    }
  }

  /** What is known of a packet's connection. The numbers are those of {@code nft_ct_keys}. */
  enum CtKey {
    /** Bits of 4 bytes: 2 established, 4 related, 8 new. */
    STATE(0),
    /** 0 for the direction of the first packet, 1 for the other, 1 byte. */
    DIRECTION(1),
    /** Bits of 4 bytes, as IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h. */
    STATUS(2),
    /** The connection's mark, 4 bytes. */
    MARK(3);

    private final int number;

    CtKey(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<CtKey> of(int number) {
      return Stream.of(values()).filter(each -> each.number == number).findFirst();
    }
  }

  /** What offsets count from. The numbers are those of {@code nft_payload_bases}. */
  enum Base {
    /** The Ethernet header. */
    LINK(0),
    /** The header of ARP, IPv4 or IPv6. */
    NETWORK(1),
    /** The header behind those of IPv4 or IPv6. */
    TRANSPORT(2);

    private final int number;

    Base(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<Base> of(int number) {
      return Stream.of(values()).filter(each -> each.number == number).findFirst();
    }
  }

  /** How two values are compared, byte by byte. The numbers are those of {@code nft_cmp_ops}. */
  enum Operator {
    /** Equal. */
    EQUAL(0),
    /** Not equal. */
    NOT_EQUAL(1),
    /** The register is less. */
    LESS(2),
    /** The register is not more. */
    AT_MOST(3),
    /** The register is more. */
    MORE(4),
    /** The register is not less. */
    AT_LEAST(5);

    private final int number;

    Operator(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<Operator> of(int number) {
      return Stream.of(values()).filter(each -> each.number == number).findFirst();
    }
  }

  /** Whether a value must be in a set. */
  enum Membership {
    /** In it. */
    IN,
    /** Not in it. */
    NOT_IN
  }

  /** What becomes of a packet. */
  enum Decision {
    /** It goes on to the next base chain. */
    ACCEPT(1),
    /** It is gone. */
    DROP(0),
    /** The next rule is next. */
    CONTINUE(-1),
    /** A chain is next, then the rule behind. */
    JUMP(-3),
    /** A chain is next. */
    GOTO(-4),
    /** The rule behind the jump is next. */
    RETURN(-5);

    private final int number;

    Decision(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<Decision> of(int number) {
      return Stream.of(values()).filter(each -> each.number == number).findFirst();
    }
  }

  /** Which address is changed. The numbers are those of {@code nft_nat_types}. */
  enum NatType {
    /** The source. */
    SOURCE(0),
    /** The destination. */
    DESTINATION(1);

    private final int number;

    NatType(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<NatType> of(int number) {
      return Stream.of(values()).filter(each -> each.number == number).findFirst();
    }
  }

  /**
   * Loads what is known of a packet.
   *
   * @param key what
   * @param register where to
   */
  record Meta(MetaKey key, int register) implements Expression {
    /** Checks the register. */
    public Meta {
      requireRegister(register);
    }
  }

  /**
   * Loads what is known of a packet's connection.
   *
   * @param key what
   * @param register where to
   */
  record Ct(CtKey key, int register) implements Expression {
    /** Checks the register. */
    public Ct {
      requireRegister(register);
    }
  }

  /**
   * Loads bytes of a packet; a packet that has none there does not match.
   *
   * @param base what the offset counts from
   * @param offset bytes, 0 to 255
   * @param length bytes, 1 to 16
   * @param register where to
   */
  record Payload(Base base, int offset, int length, int register) implements Expression {
    /** Checks offset, length and register. */
    public Payload {
      Rules.range("offset", offset, 0, 255);
      Rules.range("length", length, 1, 16);
      requireRegister(register);
    }
  }

  /**
   * Keeps some bits and inverts some: {@code register = register & mask ^ inverted}.
   *
   * @param mask the bits that are kept
   * @param inverted the bits that are inverted then; as long as the mask
   * @param register which
   */
  record Bitwise(Octets mask, Octets inverted, int register) implements Expression {
    /** Checks the lengths and the register. */
    public Bitwise {
      requireValue("mask", mask);
      if (mask.length() != inverted.length()) {
        throw N0Exception.invalid("inverted", inverted, "must be as long as the mask");
      }
      requireRegister(register);
    }
  }

  /**
   * Goes on with the rule only if a register compares so with a value.
   *
   * @param operator how
   * @param value with what, 1 to 16 bytes
   * @param register which
   */
  record Compare(Operator operator, Octets value, int register) implements Expression {
    /** Checks value and register. */
    public Compare {
      requireValue("value", value);
      requireRegister(register);
    }
  }

  /**
   * Goes on with the rule only if a register is in a set, or is not.
   *
   * @param set its name
   * @param membership which of both
   * @param register which
   */
  record Lookup(String set, Membership membership, int register) implements Expression {
    /** Checks name and register. */
    public Lookup {
      Names.require("set", set);
      requireRegister(register);
    }
  }

  /**
   * Does what a map says for a register; goes on with the rule if it says nothing.
   *
   * @param map the name of a map of verdicts
   * @param register which
   */
  record VerdictMap(String map, int register) implements Expression {
    /** Checks name and register. */
    public VerdictMap {
      Names.require("map", map);
      requireRegister(register);
    }
  }

  /**
   * Loads a value.
   *
   * @param value 1 to 16 bytes
   * @param register where to
   */
  record Immediate(Octets value, int register) implements Expression {
    /** Checks value and register. */
    public Immediate {
      requireValue("value", value);
      requireRegister(register);
    }
  }

  /**
   * Decides.
   *
   * @param decision what becomes of the packet
   * @param chain which chain is next, for JUMP and GOTO alone
   */
  record Verdict(Decision decision, Optional<String> chain) implements Expression {
    /** Checks that there is a chain where one is needed. */
    public Verdict {
      boolean needed = decision == Decision.JUMP || decision == Decision.GOTO;
      if (needed != chain.isPresent()) {
        throw N0Exception.invalid(
            "chain", chain.orElse(""), needed ? "must be named" : "must not be named");
      }
      chain.ifPresent(name -> Names.require("chain", name));
    }

    /**
     * Accepts.
     *
     * @return a verdict
     */
    public static Verdict accept() {
      return new Verdict(Decision.ACCEPT, Optional.empty());
    }

    /**
     * Drops.
     *
     * @return a verdict
     */
    public static Verdict drop() {
      return new Verdict(Decision.DROP, Optional.empty());
    }

    /**
     * Jumps.
     *
     * @param chain where to
     * @return a verdict
     */
    public static Verdict jump(String chain) {
      return new Verdict(Decision.JUMP, Optional.of(chain));
    }
  }

  /**
   * Changes an address of the connection, and decides so.
   *
   * @param type which
   * @param family IP or IP6
   * @param addressRegister the register that has the new address
   * @param portRegister the register that has the new port, 2 bytes in network order; empty to keep it
   *     where possible
   */
  record Nat(NatType type, Family family, int addressRegister, OptionalInt portRegister)
      implements Expression {
    /** Checks family and registers. */
    public Nat {
      if (family != Family.IP && family != Family.IP6) {
        throw N0Exception.invalid("family", family, "must be ip or ip6");
      }
      requireRegister(addressRegister);
      portRegister.ifPresent(Expression::requireRegister);
    }
  }

  /** Changes the source of the connection to the address of the link it leaves by. */
  record Masquerade() implements Expression {}

  /**
   * Counts.
   *
   * @param packets how many so far
   * @param bytes how many so far
   */
  record Counter(long packets, long bytes) implements Expression {
    /**
     * Begins to count.
     *
     * @return a counter of zero
     */
    public static Counter zero() {
      return new Counter(0, 0);
    }
  }

  /**
   * Goes on with the rule only for so many packets.
   *
   * @param packets how many, 1 or more
   * @param perSeconds in how many seconds, 1 or more
   * @param burst how many more at once, 1 or more
   */
  record Limit(long packets, long perSeconds, int burst) implements Expression {
    /** Checks the numbers. */
    public Limit {
      Rules.range("packets", packets, 1, Integer.MAX_VALUE);
      Rules.range("perSeconds", perSeconds, 1, Integer.MAX_VALUE);
      Rules.range("burst", burst, 1, Integer.MAX_VALUE);
    }
  }

  /**
   * Does what this library has no name for. It is written as it is read, which the kernel takes of most
   * expressions.
   *
   * @param name the kernel's name for it
   * @param data its attributes as the kernel writes them
   */
  record Other(String name, Octets data) implements Expression {}

  private static void requireRegister(int register) {
    // NFT_REG_1 to NFT_REG_4, NFT_REG32_00 to NFT_REG32_15
    if (register < 1 || register > 23 || (register > 4 && register < 8)) {
      throw N0Exception.invalid("register", register, "must be 1 to 4 or 8 to 23");
    }
  }

  private static void requireValue(String field, Octets value) {
    Rules.range(field + ".length", value.length(), 1, 16);
  }
}
