package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Transport;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.nft.Stored.StoredTable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A connection to the kernel's packet filter, as the program {@code nft} has, see nft(8) and {@code
 * linux/netfilter/nf_tables.h}.
 *
 * <p>It works in the network namespace of the thread that opened it, or in the one that it was opened
 * for. Thread-safe. Each change is one transaction: all of it happens at once or nothing does, also if
 * this process is killed, and no packet sees a part of it. A change that depends on what was read
 * happens only if that is still so, and is tried again otherwise, for ten seconds.
 *
 * <p>Methods throw {@link NftException} if the kernel refuses, with code PERMISSION without
 * CAP_NET_ADMIN; {@link N0Exception} with code BUSY if others change the ruleset all the time, and
 * UNAVAILABLE if the kernel does not answer within ten seconds or this connection is closed, with {@link
 * io.n0stack.n0core.api.UnknownOutcomeException} if a change was sent and the answer is missing.
 *
 * @since 0.1
 */
public final class Nft implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int LARGEST_TRANSACTION = 32 * 1024 * 1024;

  private final Ruleset ruleset;

  private Nft(Transport transport) {
    ruleset = new Ruleset(transport, LIMIT);
  }

  /**
   * Connects to the kernel in the network namespace of the calling thread.
   *
   * @return the connection, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static Nft open() {
    return over(socket());
  }

  /**
   * Connects to the kernel in a network namespace.
   *
   * @param namespace the namespace, which may be closed once the connection is open
   * @return the connection, which the caller closes
   * @throws OsException PERMISSION without CAP_SYS_ADMIN there
   */
  public static Nft open(NetNs namespace) {
    return over(namespace.call(Nft::socket));
  }

  static Nft over(Transport transport) {
    return new Nft(transport);
  }

  private static NetlinkSocket socket() {
    NetlinkSocket socket = NetlinkSocket.open(Wire.NETLINK_NETFILTER);
    try {
      // A transaction is one datagram. The kernel takes the memory only while there is one.
      socket.sendBuffer(LARGEST_TRANSACTION);
      return socket;
    } catch (OsException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * Returns the number of the ruleset that is in force. Each transaction of anybody changes it.
   *
   * @return 0 to 4294967295
   */
  public long generation() {
    return ruleset.generation();
  }

  /**
   * Lists the tables of all families, whoever made them.
   *
   * @return in the kernel's order
   */
  public List<TableId> tables() {
    return ruleset.consistent(ruleset::tables);
  }

  /**
   * Reads a table and all that is in it, whoever made it.
   *
   * @param id which
   * @return the table as it was at one time, empty if there is none
   */
  public Optional<Table> find(TableId id) {
    return ruleset.consistent(() -> ruleset.read(id));
  }

  /**
   * Makes a table be exactly so, in one transaction, or leaves it if it is. What it counted is lost if
   * it changes.
   *
   * @param table with an owner
   * @return whether anything was changed
   * @throws N0Exception ALREADY_EXISTS if there is a table of the name with another owner, or with none;
   *     INVALID for a table without owner, or with what this library can only read
   */
  public boolean apply(Table table) {
    String owner = table
        .owner()
        .orElseThrow(() -> N0Exception.invalid("owner", "", "must be there in a table to apply"));
    return ruleset.change(() -> {
      Optional<Table> before = ruleset.read(table.id());
      before.ifPresent(found -> requireOwner(table.id(), found.owner(), owner));
      return before.map(Table::withoutCounts).equals(Optional.of(table.withoutCounts()))
          ? List.of()
          : replacing(before.isPresent(), table, owner);
    });
  }

  private static List<NftMessage> replacing(boolean there, Table table, String owner) {
    TableId id = table.id();
    List<NftMessage> messages = new ArrayList<>();
    if (there) {
      messages.add(NftMessage.deleteTable(id));
    }
    messages.add(NftMessage.addTable(id, owner));
    int setId = 1;
    for (NamedSet set : table.sets()) {
      messages.add(NftMessage.addSet(id, set, setId++));
    }
    table.chains().forEach(chain -> messages.add(NftMessage.addChain(id, chain)));
    // Elements and rules can name any chain.
    for (NamedSet set : table.sets()) {
      messages.addAll(NftMessage.addElements(id, set.name(), set.elements()));
    }
    for (Chain chain : table.chains()) {
      chain.rules().forEach(rule -> messages.add(NftMessage.addRule(id, chain.name(), rule)));
    }
    return messages;
  }

  /**
   * Deletes a table and all that is in it, if there is one.
   *
   * @param id which
   * @param owner its owner
   * @return whether there was one
   * @throws N0Exception ALREADY_EXISTS if it has another owner, or none
   */
  public boolean delete(TableId id, String owner) {
    Names.requireComment("owner", owner);
    return ruleset.change(() -> {
      Optional<StoredTable> before = ruleset.table(id);
      before.ifPresent(found -> requireOwner(id, found.owner(), owner));
      return before.isPresent() ? List.of(NftMessage.deleteTable(id)) : List.of();
    });
  }

  static void requireOwner(TableId id, Optional<String> found, String owner) {
    if (!found.equals(Optional.of(owner))) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "change " + id + ": it belongs to " + found.map(Rules::quote).orElse("nobody known")
              + ", not to " + Rules.quote(owner));
    }
  }

  Ruleset ruleset() {
    return ruleset;
  }

  /** Closes the connection and wakes whoever waits on it. Leaves all rules as they are. */
  @Override
  public void close() {
    ruleset.close();
  }
}
