package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.NfTables.NFGENMSG;
import static io.n0stack.n0core.net.nft.NfTables.NFNL_BATCH_GENID;
import static io.n0stack.n0core.net.nft.NfTables.NFNL_MSG_BATCH_BEGIN;
import static io.n0stack.n0core.net.nft.NfTables.NFNL_MSG_BATCH_END;
import static io.n0stack.n0core.net.nft.NfTables.NFNL_SUBSYS_NFTABLES;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_HOOK;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_POLICY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CHAIN_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_HOOK_HOOKNUM;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_HOOK_PRIORITY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIST_ELEM;
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
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_ID;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_KEY_LEN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_KEY_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_SET_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_TABLE_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_TABLE_USERDATA;
import static io.n0stack.n0core.net.nft.NfTables.NFT_DATA_VERDICT;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_DELCHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_DELRULE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_DELSETELEM;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_DELTABLE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETCHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETGEN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETRULE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETSET;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETSETELEM;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_GETTABLE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWCHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWRULE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWSET;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWSETELEM;
import static io.n0stack.n0core.net.nft.NfTables.NFT_MSG_NEWTABLE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_SET_MAP;
import static io.n0stack.n0core.net.nft.NfTables.type;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.nft.Chain.Hook;
import io.n0stack.n0core.net.nft.Chain.Point;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.Kind;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * One message to nf_tables.
 *
 * @param words says what it asks, when something goes wrong
 * @param writing writes it
 */
record NftMessage(Supplier<String> words, Consumer<MessageWriter> writing) implements Request {
  private static final int ELEMENTS =
      200; // of a set in one message; all are one attribute of 64 KiB
  private static final int AF_UNSPEC = 0;

  @Override
  public void write(MessageWriter message) {
    writing.accept(message);
  }

  @Override
  public String toString() {
    return words.get();
  }

  private static void begin(MessageWriter message, int type, int flags, int family) {
    message.begin(type(type), flags, NFGENMSG);
    message.header8(0, family);
  }

  /** Begins a message about what is in a table, whose name is always the first attribute. */
  private static void begin(MessageWriter message, int type, int flags, TableId table) {
    begin(message, type, flags, table.family().number());
    message.text(NFTA_TABLE_NAME, table.name());
  }

  static NftMessage batchBegin(long generation) {
    return new NftMessage(() -> "begin transaction", message -> {
      frame(message, NFNL_MSG_BATCH_BEGIN);
      message.networkNumber(NFNL_BATCH_GENID, (int) generation);
    });
  }

  static NftMessage batchEnd() {
    return new NftMessage(() -> "end transaction", message -> frame(message, NFNL_MSG_BATCH_END));
  }

  private static void frame(MessageWriter message, int type) {
    message.begin(type, 0, NFGENMSG);
    message.header8(3, NFNL_SUBSYS_NFTABLES); // res_id, 16 bits in network order
  }

  static NftMessage getGeneration() {
    return new NftMessage(
        () -> "get generation of nftables",
        message -> begin(message, NFT_MSG_GETGEN, 0, AF_UNSPEC));
  }

  static NftMessage listTables() {
    return new NftMessage(
        () -> "list tables",
        message -> begin(message, NFT_MSG_GETTABLE, Wire.NLM_F_DUMP, AF_UNSPEC));
  }

  static NftMessage getTable(TableId table) {
    return new NftMessage(
        () -> "get " + table, message -> begin(message, NFT_MSG_GETTABLE, 0, table));
  }

  static NftMessage listChains(TableId table) {
    return new NftMessage(
        () -> "list chains of " + table,
        message -> begin(message, NFT_MSG_GETCHAIN, Wire.NLM_F_DUMP, table));
  }

  static NftMessage getChain(TableId table, String chain) {
    return new NftMessage(() -> "get " + words(table, chain), message -> {
      begin(message, NFT_MSG_GETCHAIN, 0, table);
      message.text(NFTA_CHAIN_NAME, chain);
    });
  }

  static NftMessage listRules(TableId table) {
    return new NftMessage(
        () -> "list rules of " + table,
        message -> begin(message, NFT_MSG_GETRULE, Wire.NLM_F_DUMP, table));
  }

  static NftMessage listRules(TableId table, String chain) {
    return new NftMessage(() -> "list rules of " + words(table, chain), message -> {
      begin(message, NFT_MSG_GETRULE, Wire.NLM_F_DUMP, table);
      message.text(NFTA_RULE_CHAIN, chain);
    });
  }

  static NftMessage listSets(TableId table) {
    return new NftMessage(
        () -> "list sets of " + table,
        message -> begin(message, NFT_MSG_GETSET, Wire.NLM_F_DUMP, table));
  }

  static NftMessage listElements(TableId table, String set) {
    return new NftMessage(
        () -> "list elements of set " + Rules.quote(set) + " of " + table, message -> {
          begin(message, NFT_MSG_GETSETELEM, Wire.NLM_F_DUMP, table);
          message.text(NFTA_SET_ELEM_LIST_SET, set);
        });
  }

  static NftMessage getElement(TableId table, String set, Octets key) {
    return new NftMessage(
        () -> "get element " + key + " of set " + Rules.quote(set) + " of " + table,
        message -> elements(message, NFT_MSG_GETSETELEM, 0, table, set, List.of(Element.of(key))));
  }

  private static String words(TableId table, String chain) {
    return "chain " + Rules.quote(chain) + " of " + table;
  }

  /** Makes a table without what is in it. */
  static NftMessage addTable(TableId table, String owner) {
    return new NftMessage(() -> "add " + table, message -> {
      begin(message, NFT_MSG_NEWTABLE, Wire.NLM_F_CREATE, table);
      message.octets(NFTA_TABLE_USERDATA, UserData.comment(UserData.COMMENT, owner));
    });
  }

  static NftMessage deleteTable(TableId table) {
    return new NftMessage(
        () -> "delete " + table, message -> begin(message, NFT_MSG_DELTABLE, 0, table));
  }

  /** Makes a chain without its rules. */
  static NftMessage addChain(TableId table, Chain chain) {
    return new NftMessage(() -> "add " + words(table, chain.name()), message -> {
      begin(message, NFT_MSG_NEWCHAIN, Wire.NLM_F_CREATE, table);
      message.text(NFTA_CHAIN_NAME, chain.name());
      chain.hook().ifPresent(hook -> hook(message, hook));
      chain
          .comment()
          .ifPresent(comment ->
              message.octets(NFTA_CHAIN_USERDATA, UserData.comment(UserData.COMMENT, comment)));
    });
  }

  private static void hook(MessageWriter message, Hook hook) {
    if (hook.type() == Chain.Type.OTHER || hook.point() == Point.OTHER) {
      throw N0Exception.invalid("hook", hook, "must have a known type and point");
    }
    int opened = message.open(NFTA_CHAIN_HOOK);
    message.networkNumber(NFTA_HOOK_HOOKNUM, hook.point().number());
    message.networkNumber(NFTA_HOOK_PRIORITY, hook.priority());
    message.close(opened);
    message.networkNumber(NFTA_CHAIN_POLICY, hook.policy().number());
    message.text(NFTA_CHAIN_TYPE, hook.type().text());
  }

  /** Deletes a chain and its rules. */
  static NftMessage deleteChain(TableId table, String chain) {
    return new NftMessage(() -> "delete " + words(table, chain), message -> {
      begin(message, NFT_MSG_DELCHAIN, 0, table);
      message.text(NFTA_CHAIN_NAME, chain);
    });
  }

  /** Adds a rule behind those of a chain. */
  static NftMessage addRule(TableId table, String chain, Rule rule) {
    return new NftMessage(() -> "add rule " + rule + " to " + words(table, chain), message -> {
      begin(message, NFT_MSG_NEWRULE, Wire.NLM_F_CREATE | Wire.NLM_F_APPEND, table);
      message.text(NFTA_RULE_CHAIN, chain);
      int list = message.open(NFTA_RULE_EXPRESSIONS);
      ExpressionWriter writer = new ExpressionWriter(message);
      rule.expressions().forEach(writer::write);
      message.close(list);
      rule.comment()
          .ifPresent(comment ->
              message.octets(NFTA_RULE_USERDATA, UserData.comment(UserData.COMMENT, comment)));
    });
  }

  static NftMessage deleteRule(TableId table, String chain, long handle) {
    return new NftMessage(() -> "delete rule " + handle + " of " + words(table, chain), message -> {
      begin(message, NFT_MSG_DELRULE, 0, table);
      message.text(NFTA_RULE_CHAIN, chain);
      message.networkLongNumber(NFTA_RULE_HANDLE, handle);
    });
  }

  /** Deletes the rules of a chain. */
  static NftMessage flushChain(TableId table, String chain) {
    return new NftMessage(() -> "flush " + words(table, chain), message -> {
      begin(message, NFT_MSG_DELRULE, 0, table);
      message.text(NFTA_RULE_CHAIN, chain);
    });
  }

  /**
   * Makes a set without its elements.
   *
   * @param id a number that no other set of the transaction has
   */
  static NftMessage addSet(TableId table, NamedSet set, int id) {
    return new NftMessage(() -> "add set " + Rules.quote(set.name()) + " to " + table, message -> {
      if (set.kind() == Kind.OTHER) {
        throw N0Exception.invalid("kind", set.kind(), "must be SET or VERDICT_MAP");
      }
      begin(message, NFT_MSG_NEWSET, Wire.NLM_F_CREATE, table);
      message.text(NFTA_SET_NAME, set.name());
      boolean map = set.kind() == Kind.VERDICT_MAP;
      message.networkNumber(NFTA_SET_FLAGS, map ? NFT_SET_MAP : 0);
      message.networkNumber(NFTA_SET_KEY_TYPE, set.keyType().number());
      message.networkNumber(NFTA_SET_KEY_LEN, set.keyType().lengthBytes());
      if (map) {
        message.networkNumber(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
      }
      message.networkNumber(NFTA_SET_ID, id);
      message.octets(NFTA_SET_USERDATA, UserData.set(set));
    });
  }

  /** Adds elements, in as few messages as hold them. */
  static List<NftMessage> addElements(TableId table, String set, List<Element> all) {
    return IntStream.iterate(0, i -> i < all.size(), i -> i + ELEMENTS)
        .mapToObj(i -> all.subList(i, Math.min(all.size(), i + ELEMENTS)))
        .map(some -> new NftMessage(
            () -> "add elements to set " + Rules.quote(set) + " of " + table,
            message -> elements(message, NFT_MSG_NEWSETELEM, Wire.NLM_F_CREATE, table, set, some)))
        .toList();
  }

  static NftMessage deleteElement(TableId table, String set, Octets key) {
    return new NftMessage(
        () -> "delete element " + key + " of set " + Rules.quote(set) + " of " + table,
        message -> elements(message, NFT_MSG_DELSETELEM, 0, table, set, List.of(Element.of(key))));
  }

  private static void elements(
      MessageWriter message, int type, int flags, TableId table, String set, List<Element> all) {
    begin(message, type, flags, table);
    message.text(NFTA_SET_ELEM_LIST_SET, set);
    int list = message.open(NFTA_SET_ELEM_LIST_ELEMENTS);
    ExpressionWriter writer = new ExpressionWriter(message);
    for (Element element : all) {
      int opened = message.open(NFTA_LIST_ELEM);
      writer.writeValue(NFTA_SET_ELEM_KEY, element.key());
      element.verdict().ifPresent(verdict -> writer.writeVerdict(NFTA_SET_ELEM_DATA, verdict));
      element
          .comment()
          .ifPresent(comment ->
              message.octets(NFTA_SET_ELEM_USERDATA, UserData.comment(UserData.COMMENT, comment)));
      message.close(opened);
    }
    message.close(list);
  }
}
