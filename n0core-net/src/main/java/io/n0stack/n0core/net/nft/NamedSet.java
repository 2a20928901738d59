package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Values that rules look up, or, as a map, what is to be done for each.
 *
 * @param name 1 to 255 bytes
 * @param keyType what the values are
 * @param kind a set, or a map
 * @param elements in the order of their keys; none are read of a set of kind OTHER
 * @param comment 1 to 127 bytes
 * @since 0.1
 */
public record NamedSet(
    String name, KeyType keyType, Kind kind, List<Element> elements, Optional<String> comment) {
  /** What lookups give. */
  public enum Kind {
    /** Whether the value is in it. */
    SET,
    /** A verdict. */
    VERDICT_MAP,
    /** Intervals, timeouts, other maps and what else this library only sees. */
    OTHER
  }

  /**
   * What values are.
   *
   * @param number what {@code nft} takes for their type; the kernel only keeps it
   * @param lengthBytes 1 to 64
   */
  public record KeyType(int number, int lengthBytes) {
    private static final int CONCATENATED_BITS = 6; // nft's TYPE_BITS
    private static final int LONGEST = 64; // NFT_DATA_VALUE_MAXLEN

    /** An IPv4 address. */
    public static final KeyType IPV4_ADDR = new KeyType(7, 4);
    /** An IPv6 address. */
    public static final KeyType IPV6_ADDR = new KeyType(8, 16);
    /** An Ethernet address. */
    public static final KeyType ETHER_ADDR = new KeyType(9, 6);
    /** A port of TCP or UDP. */
    public static final KeyType INET_SERVICE = new KeyType(13, 2);
    /** The name of a link. */
    public static final KeyType IFNAME = new KeyType(41, 16);

    /** Checks the length. */
    public KeyType {
      Rules.range("lengthBytes", lengthBytes, 1, LONGEST);
    }

    /**
     * Makes a type of two values, each filled up with zeros to a multiple of 4 bytes.
     *
     * @param next the second value's type
     * @return a type
     */
    public KeyType and(KeyType next) {
      return new KeyType(
          number << CONCATENATED_BITS | next.number,
          roundUp(lengthBytes) + roundUp(next.lengthBytes));
    }

    /** Says how nft(8) is to read keys: BYTEORDER_HOST_ENDIAN or BYTEORDER_BIG_ENDIAN. */
    int byteOrder() {
      return number == IFNAME.number ? 1 : 2;
    }

    private static int roundUp(int bytes) {
      return (bytes + 3) & ~3;
    }
  }

  /**
   * A value.
   *
   * @param key the value, as long as its type says
   * @param verdict what is done for it, in a map
   * @param comment 1 to 127 bytes
   */
  public record Element(Octets key, Optional<Verdict> verdict, Optional<String> comment) {
    /** Checks the comment. */
    public Element {
      comment.ifPresent(text -> Names.requireComment("comment", text));
    }

    /**
     * Makes an element of a set.
     *
     * @param key the value
     * @return an element
     */
    public static Element of(Octets key) {
      return new Element(key, Optional.empty(), Optional.empty());
    }

    /**
     * Makes an element of a map.
     *
     * @param key the value
     * @param verdict what is done for it
     * @return an element
     */
    public static Element of(Octets key, Verdict verdict) {
      return new Element(key, Optional.of(verdict), Optional.empty());
    }
  }

  /** Checks the names and the elements, and sorts these. */
  public NamedSet {
    Names.require("set", name);
    comment.ifPresent(text -> Names.requireComment("comment", text));
    elements = elements.stream()
        .sorted(Comparator.comparing(element -> element.key().hex()))
        .toList();
    for (Element element : elements) {
      if (element.key().length() != keyType.lengthBytes()) {
        throw N0Exception.invalid(
            "elements", element.key(), "must be " + keyType.lengthBytes() + " bytes");
      }
      if (element.verdict().isPresent() != (kind == Kind.VERDICT_MAP)) {
        throw N0Exception.invalid(
            "elements", element.key(), "must have a verdict in a map, and there alone");
      }
    }
  }

  /**
   * Makes a set.
   *
   * @param name 1 to 255 bytes
   * @param keyType what the values are
   * @param keys the values
   * @return a set without a comment
   */
  public static NamedSet of(String name, KeyType keyType, List<Octets> keys) {
    return new NamedSet(
        name, keyType, Kind.SET, keys.stream().map(Element::of).toList(), Optional.empty());
  }

  /**
   * Makes a map of verdicts.
   *
   * @param name 1 to 255 bytes
   * @param keyType what the values are
   * @param elements the values, each with a verdict
   * @return a map without a comment
   */
  public static NamedSet map(String name, KeyType keyType, List<Element> elements) {
    return new NamedSet(name, keyType, Kind.VERDICT_MAP, elements, Optional.empty());
  }

  NamedSet withElements(List<Element> others) {
    return new NamedSet(name, keyType, kind, others, comment);
  }
}
