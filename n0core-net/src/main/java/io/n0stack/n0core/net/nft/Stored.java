package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.NfTables.NFGENMSG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_HOOK;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_POLICY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_DATA_VALUE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_GEN_ID;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_HOOK_HOOKNUM;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_HOOK_PRIORITY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_RULE_CHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_RULE_EXPRESSIONS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_RULE_HANDLE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_RULE_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_DATA_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ELEM_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ELEM_KEY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ELEM_LIST_ELEMENTS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ELEM_LIST_SET;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ELEM_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_FLAGS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_KEY_LEN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_KEY_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_TABLE_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_TABLE_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFT_DATA_VERDICT;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWCHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWGEN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWRULE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWSET;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWSETELEM;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWTABLE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_SET_MAP;
import static io.n0stack.n0core.net.nft.NfTables.type;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.nft.Chain.Hook;
import io.n0stack.n0core.net.nft.Chain.Point;
import io.n0stack.n0core.net.nft.Chain.Policy;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.KeyType;
import io.n0stack.n0core.net.nft.NamedSet.Kind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel keeps, one message each. The decoders take any bytes: null stands for a message about
 * something else, or for one with what no kernel writes.
 */
final class Stored {
  private Stored() {}

  /**
   * A table without what is in it.
   *
   * @param id which
   * @param owner its comment
   */
  record StoredTable(TableId id, Optional<String> owner) {
    static @Nullable StoredTable decode(ByteBuffer bytes, int from, int to) {
      return read(
          bytes,
          from,
          to,
          NFT_MSG_NEWTABLE,
          (table, fields) ->
              new StoredTable(table, fields.comment(NFTA_TABLE_USERDATA, UserData.COMMENT)));
    }
  }

  /**
   * A chain.
   *
   * @param table where it is
   * @param chain without its rules
   */
  record StoredChain(TableId table, Chain chain) {
    static @Nullable StoredChain decode(ByteBuffer bytes, int from, int to) {
      return read(
          bytes,
          from,
          to,
          NFT_MSG_NEWCHAIN,
          (table, fields) -> new StoredChain(
              table,
              new Chain(
                  fields.text(NFTA_CHAIN_NAME),
                  fields.has(NFTA_CHAIN_HOOK) ? Optional.of(hook(table, fields)) : Optional.empty(),
                  List.of(),
                  fields.comment(NFTA_CHAIN_USERDATA, UserData.COMMENT))));
    }

    private static Hook hook(TableId table, Fields fields) {
      Fields hook = fields.nested(NFTA_CHAIN_HOOK);
      // In these families the numbers mean other points.
      boolean other = table.family() == Family.NETDEV || table.family() == Family.ARP;
      return new Hook(
          Chain.Type.of(fields.text(NFTA_CHAIN_TYPE)),
          other ? Point.OTHER : Point.of(hook.number(NFTA_HOOK_HOOKNUM)),
          hook.number(NFTA_HOOK_PRIORITY),
          fields.number(NFTA_CHAIN_POLICY) == Policy.DROP.number() ? Policy.DROP : Policy.ACCEPT);
    }
  }

  /**
   * A rule.
   *
   * @param table where its chain is
   * @param chain where it is
   * @param handle the kernel's number for it
   * @param rule what it does
   */
  record StoredRule(TableId table, String chain, long handle, Rule rule) {
    static @Nullable StoredRule decode(ByteBuffer bytes, int from, int to) {
      return read(
          bytes,
          from,
          to,
          NFT_MSG_NEWRULE,
          (table, fields) -> new StoredRule(
              table,
              fields.text(NFTA_RULE_CHAIN),
              fields.longNumber(NFTA_RULE_HANDLE),
              new Rule(
                  expressions(bytes, fields.list(NFTA_RULE_EXPRESSIONS)),
                  fields.comment(NFTA_RULE_USERDATA, UserData.COMMENT))));
    }

    private static List<Expression> expressions(ByteBuffer bytes, Attributes list) {
      List<Expression> expressions = new ArrayList<>();
      while (list.advance()) {
        expressions.add(ExpressionReader.decode(bytes, list.from(), list.from() + list.length()));
      }
      return expressions;
    }
  }

  /**
   * A set.
   *
   * @param table where it is
   * @param set without its elements
   */
  record StoredSet(TableId table, NamedSet set) {
    static @Nullable StoredSet decode(ByteBuffer bytes, int from, int to) {
      return read(
          bytes,
          from,
          to,
          NFT_MSG_NEWSET,
          (table, fields) -> new StoredSet(
              table,
              new NamedSet(
                  fields.text(NFTA_SET_NAME),
                  new KeyType(fields.number(NFTA_SET_KEY_TYPE), fields.number(NFTA_SET_KEY_LEN)),
                  kind(fields.number(NFTA_SET_FLAGS), fields.number(NFTA_SET_DATA_TYPE)),
                  List.of(),
                  fields.comment(NFTA_SET_USERDATA, UserData.SET_COMMENT))));
    }

    private static Kind kind(int flags, int dataType) {
      if (flags == 0) {
        return Kind.SET;
      }
      return flags == NFT_SET_MAP && dataType == NFT_DATA_VERDICT ? Kind.VERDICT_MAP : Kind.OTHER;
    }
  }

  /**
   * Some elements of a set.
   *
   * @param table where the set is
   * @param set its name
   * @param elements some, or all
   */
  record StoredElements(TableId table, String set, List<Element> elements) {
    static @Nullable StoredElements decode(ByteBuffer bytes, int from, int to) {
      return read(
          bytes,
          from,
          to,
          NFT_MSG_NEWSETELEM,
          (table, fields) -> new StoredElements(
              table,
              fields.text(NFTA_SET_ELEM_LIST_SET),
              elements(bytes, fields.list(NFTA_SET_ELEM_LIST_ELEMENTS))));
    }

    private static List<Element> elements(ByteBuffer bytes, Attributes list) {
      List<Element> elements = new ArrayList<>();
      while (list.advance()) {
        Fields fields = new Fields(bytes, list.from(), list.from() + list.length());
        elements.add(new Element(
            Octets.of(fields.nested(NFTA_SET_ELEM_KEY).octets(NFTA_DATA_VALUE)),
            ExpressionReader.verdict(fields.nested(NFTA_SET_ELEM_DATA)),
            fields.comment(NFTA_SET_ELEM_USERDATA, UserData.COMMENT)));
      }
      return elements;
    }
  }

  /** Reads which generation of the ruleset is in force. */
  static @Nullable Long generation(ByteBuffer bytes, int from, int to) {
    return isOf(bytes, from, to, NFT_MSG_NEWGEN)
        ? Integer.toUnsignedLong(new Fields(bytes, body(from), to).number(NFTA_GEN_ID))
        : null;
  }

  /** Makes a value of the attributes of a message about a table. */
  private interface Reading<T> {
    T read(TableId table, Fields fields);
  }

  private static <T> @Nullable T read(
      ByteBuffer bytes, int from, int to, int type, Reading<T> reading) {
    if (!isOf(bytes, from, to, type)) {
      return null;
    }
    Fields fields = new Fields(bytes, body(from), to);
    Optional<Family> family = Family.of(Byte.toUnsignedInt(bytes.get(from + Wire.NLMSG_HEADER)));
    try {
      return family.isPresent()
          ? reading.read(new TableId(family.get(), fields.text(NFTA_TABLE_NAME)), fields)
          : null;
    } catch (N0Exception e) {
      // No name, or another value that our records refuse.
      return null;
    }
  }

  private static boolean isOf(ByteBuffer bytes, int from, int to, int type) {
    return to - from >= Wire.NLMSG_HEADER + NFGENMSG
        && Short.toUnsignedInt(bytes.getShort(from + 4)) == type(type);
  }

  private static int body(int from) {
    return from + Wire.NLMSG_HEADER + NFGENMSG;
  }
}
