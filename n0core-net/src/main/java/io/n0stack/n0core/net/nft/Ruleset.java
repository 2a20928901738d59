package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.internal.Dialect;
import io.n0stack.n0core.net.internal.Dump;
import io.n0stack.n0core.net.internal.Refusal;
import io.n0stack.n0core.net.internal.Transport;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.Kind;
import io.n0stack.n0core.net.nft.Stored.StoredChain;
import io.n0stack.n0core.net.nft.Stored.StoredElements;
import io.n0stack.n0core.net.nft.Stored.StoredRule;
import io.n0stack.n0core.net.nft.Stored.StoredSet;
import io.n0stack.n0core.net.nft.Stored.StoredTable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The kernel's rules, read and changed one generation at a time. Thread-safe. */
final class Ruleset implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Ruleset.class);
  private static final int ENOENT = 2; // asm-generic/errno-base.h

  private final ReentrantLock changing = new ReentrantLock();
  private final Conversation kernel;
  private final Duration limit;

  Ruleset(Transport transport, Duration limit) {
    this.kernel = new Conversation(transport, limit, new NftDialect());
    this.limit = limit;
  }

  private static final class NftDialect implements Dialect {
    @Override
    public OsException refused(String operation, Refusal refusal) {
      return new NftException(operation, refusal);
    }

    @Override
    public void warned(String operation, Refusal warning) {
      LOG.warn("{}: {}", operation, warning.words());
    }
  }

  long generation() {
    return kernel.get(NftMessage.getGeneration(), Stored::generation);
  }

  List<TableId> tables() {
    return list(NftMessage.listTables(), StoredTable::decode).stream()
        .map(StoredTable::id)
        .toList();
  }

  Optional<StoredTable> table(TableId table) {
    return kernel.find(NftMessage.getTable(table), StoredTable::decode, ENOENT);
  }

  /** Lists chains without their rules. */
  List<Chain> chains(TableId table) {
    return list(NftMessage.listChains(table), StoredChain::decode).stream()
        // The kernel lists those of all tables of the family.
        .filter(each -> each.table().equals(table))
        .map(StoredChain::chain)
        .toList();
  }

  /** Reads a chain and its rules. */
  Optional<Chain> chain(TableId table, String name) {
    return kernel
        .find(NftMessage.getChain(table, name), StoredChain::decode, ENOENT)
        .map(found -> found
            .chain()
            .withRules(list(NftMessage.listRules(table, name), StoredRule::decode).stream()
                .map(StoredRule::rule)
                .toList()));
  }

  List<StoredRule> rules(TableId table) {
    return list(NftMessage.listRules(table), StoredRule::decode);
  }

  /** Lists sets without their elements. */
  List<NamedSet> sets(TableId table) {
    return list(NftMessage.listSets(table), StoredSet::decode).stream()
        .map(StoredSet::set)
        .toList();
  }

  List<Element> elements(TableId table, String set) {
    return list(NftMessage.listElements(table, set), StoredElements::decode).stream()
        .flatMap(some -> some.elements().stream())
        .toList();
  }

  Optional<Element> element(TableId table, String set, Octets key) {
    return kernel
        .find(NftMessage.getElement(table, set, key), StoredElements::decode, ENOENT)
        .flatMap(found -> found.elements().stream().findFirst());
  }

  private <T> List<T> list(NftMessage request, Decoder<T> decoder) {
    // Whether it is of one generation is seen when all is read.
    Dump<T> dump = kernel.dump(request, decoder);
    return dump.items();
  }

  /** Reads a table and all that is in it. */
  Optional<Table> read(TableId id) {
    Optional<StoredTable> found = table(id);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    Map<String, List<Rule>> rules = rules(id).stream()
        .collect(Collectors.groupingBy(
            StoredRule::chain, Collectors.mapping(StoredRule::rule, Collectors.toList())));
    List<Chain> chains = chains(id).stream()
        .map(chain -> chain.withRules(rules.getOrDefault(chain.name(), List.of())))
        .toList();
    List<NamedSet> sets = sets(id).stream()
        .map(set -> set.kind() == Kind.OTHER ? set : set.withElements(elements(id, set.name())))
        .toList();
    return Optional.of(new Table(id, found.get().owner(), sets, chains));
  }

  /** Reads until nobody changes anything meanwhile. */
  <T> T consistent(Supplier<T> reading) {
    return attempt(generation -> {
      T read = reading.get();
      return generation() == generation ? Optional.of(read) : Optional.empty();
    });
  }

  /**
   * Reads what is there, and sends what is missing, in one transaction: it happens only if what was read
   * is still so. Begins again while somebody else changes something meanwhile.
   *
   * @param plan reads, and says what to send; nothing if all is as it should be
   * @return whether anything was sent
   */
  boolean change(Supplier<List<NftMessage>> plan) {
    changing.lock();
    try {
      return attempt(generation -> {
        List<NftMessage> messages = plan.get();
        if (messages.isEmpty()) {
          return generation() == generation ? Optional.of(false) : Optional.empty();
        }
        return send(generation, messages) ? Optional.of(true) : Optional.empty();
      });
    } finally {
      changing.unlock();
    }
  }

  private boolean send(long generation, List<NftMessage> messages) {
    List<NftMessage> transaction = new ArrayList<>(messages.size() + 2);
    transaction.add(NftMessage.batchBegin(generation));
    transaction.addAll(messages);
    transaction.add(NftMessage.batchEnd());
    try {
      kernel.transaction(transaction);
      return true;
    } catch (NftException e) {
      if (e.outdated()) {
        return false;
      }
      throw e;
    }
  }

  private interface Attempt<T> {
    Optional<T> in(long generation);
  }

  private <T> T attempt(Attempt<T> attempt) {
    long began = System.nanoTime();
    while (true) {
      long generation = generation();
      Optional<T> result = Optional.empty();
      try {
        result = attempt.in(generation);
      } catch (NftException e) {
        // What was listed can be gone before it is looked at.
        if (e.code() != N0Exception.Code.NOT_FOUND || generation() == generation) {
          throw e;
        }
      }
      if (result.isPresent()) {
        return result.get();
      }
      if (System.nanoTime() - began > limit.toNanos()) {
        throw new N0Exception(
            N0Exception.Code.BUSY,
            "nftables",
            "read nftables: others changed them all the time for " + limit.toSeconds() + " s");
      }
    }
  }

  @Override
  public void close() {
    kernel.close();
  }
}
