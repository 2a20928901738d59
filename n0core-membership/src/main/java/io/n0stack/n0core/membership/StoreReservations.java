package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Reservations;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.membership.internal.record.ReservationRecords;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.AddressText;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.Claim;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.Holder;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.Share;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.Stage;
import io.n0stack.n0core.membership.internal.record.ReservationRecords.Taken;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Reservations as records in a store, under compare-and-set.
 *
 * <p>A reservation is a claim, which is written before anything is taken; a share in the record of its
 * node; and a record for each address. Whatever ends in the middle is completed or undone by whoever
 * meets the claim next. Shares and addresses carry the claim's nonce, so that a process that was
 * suspended in the middle can neither give back nor take anything of a later claim of the same owner.
 * Thread-safe; owns nothing, so it is not closed.
 *
 * @since 0.1
 */
public final class StoreReservations implements Reservations {
  private static final Duration DEADLINE = Duration.ofSeconds(20);
  private static final int MOST_OWNERS = 4096; // of a node: what a record has room for
  private static final int LANES = 16;
  private static final long LONGEST_PAUSE_MILLIS = 20;

  private final Store store;
  private final Duration deadline;
  private final ReentrantLock[] lanes = new ReentrantLock[LANES];

  private StoreReservations(Store store, Duration deadline) {
    this.store = store;
    this.deadline = deadline;
    for (int i = 0; i < LANES; i++) {
      lanes[i] = new ReentrantLock(true);
    }
  }

  /**
   * Keeps reservations in the store that has the nodes' records.
   *
   * @param store the store; the caller closes it
   * @return the reservations
   */
  public static StoreReservations of(Store store) {
    return of(store, DEADLINE);
  }

  /** Keeps reservations, trying for another time. */
  static StoreReservations of(Store store, Duration deadline) {
    return new StoreReservations(store, deadline);
  }

  @Override
  public void reserve(Reservation wanted) {
    requireNode(wanted.node());
    Turns turns = new Turns("reserve for owner " + wanted.owner());
    // Within a process they queue up here instead of overtaking each other in the store.
    Lock lane = lane(wanted.node());
    turns.await(lane);
    try {
      while (!granted(wanted)) {
        turns.next();
      }
    } finally {
      lane.unlock();
    }
  }

  private Lock lane(String node) {
    return lanes[Math.floorMod(node.hashCode(), LANES)];
  }

  /** Goes one round; false if somebody else has changed what it went by. */
  private boolean granted(Reservation wanted) {
    Optional<Versioned> found = store.find(ReservationRecords.key(wanted.owner()));
    if (found.isEmpty()) {
      Claim claim = Claim.of(wanted);
      Optional<Long> revision = put(ReservationRecords.key(wanted.owner()), claim, Store.NONE);
      return revision.isPresent() && completed(claim, revision.get());
    }
    Claim claim = ReservationRecords.claim(found.get());
    if (claim.stage() == Stage.RELEASING) {
      giveBack(claim, found.get().revision());
      return false;
    }
    if (!claim.reservation().equals(wanted)) {
      throw new N0Exception(
          Code.PRECONDITION,
          "owner " + wanted.owner(),
          "reserve for owner " + wanted.owner() + ": it has another reservation, of node \""
              + claim.node() + "\"; release that first");
    }
    return claim.stage() == Stage.HELD || completed(claim, found.get().revision());
  }

  private boolean completed(Claim claim, long revision) {
    boolean held = takesAll(claim, revision);
    if (!held && !known(claim)) {
      // Whoever released it did not see what was taken since.
      giveBackAddresses(claim);
    }
    return held;
  }

  private boolean known(Claim claim) {
    return store
        .find(ReservationRecords.key(claim.owner()))
        .map(ReservationRecords::claim)
        .filter(now -> now.nonce().equals(claim.nonce()))
        .isPresent();
  }

  private boolean takesAll(Claim claim, long revision) {
    try {
      for (AddressText address : claim.addresses()) {
        take(address, claim);
      }
      if (!share(claim, revision)) {
        return false;
      }
    } catch (N0Exception e) {
      if (e.code() == Code.EXHAUSTED || e.code() == Code.NOT_FOUND) {
        return undone(claim, revision, e);
      }
      throw e;
    }
    return put(ReservationRecords.key(claim.owner()), claim.at(Stage.HELD), revision)
        .isPresent();
  }

  /** Gives back what a refused claim has taken, unless another process has meanwhile made it good. */
  private boolean undone(Claim claim, long revision, N0Exception reason) {
    Claim releasing = claim.at(Stage.RELEASING);
    Optional<Long> marked = put(ReservationRecords.key(claim.owner()), releasing, revision);
    if (marked.isEmpty()) {
      return false;
    }
    giveBack(releasing, marked.get());
    throw reason;
  }

  private void take(AddressText address, Claim claim) {
    String key = ReservationRecords.key(address);
    Turns turns = new Turns("reserve address " + address.address());
    while (true) {
      Optional<Versioned> found = store.find(key);
      if (found.isPresent()) {
        Holder holder = ReservationRecords.holder(found.get());
        if (holder.equals(Holder.of(claim))) {
          return;
        }
        requireAbandoned(address, holder);
      }
      long revision = found.map(Versioned::revision).orElse(Store.NONE);
      if (put(key, Holder.of(claim), revision).isPresent()) {
        return;
      }
      turns.next();
    }
  }

  /** An address whose claim is gone was taken by a process that did not live to know. */
  private void requireAbandoned(AddressText address, Holder holder) {
    boolean held = store
        .find(ReservationRecords.key(holder.owner()))
        .map(ReservationRecords::claim)
        .filter(claim -> claim.nonce().equals(holder.nonce()))
        .isPresent();
    if (held) {
      throw new N0Exception(
          Code.EXHAUSTED,
          "address " + address.address(),
          "reserve address " + address.address() + ": owner " + holder.owner() + " has it");
    }
  }

  private boolean share(Claim claim, long revision) {
    String key = ReservationRecords.key(claim.node());
    Turns turns = new Turns("reserve of node \"" + claim.node() + "\"");
    while (true) {
      Optional<Versioned> found = store.find(key);
      Taken taken = found.map(ReservationRecords::taken).orElse(Taken.NOTHING);
      Map<UUID, Share> others = new TreeMap<>(taken.shares());
      Optional<Share> mine = Optional.ofNullable(others.remove(claim.owner()));
      if (mine.map(Share::nonce).equals(Optional.of(claim.nonce()))) {
        return true;
      }
      requireFree(claim, others);
      others.put(claim.owner(), new Share(claim.nonce(), claim.resources()));
      // After reading the node's record: giving back rewrites that, so that this cannot come too
      // late.
      if (!stands(claim, revision)) {
        return false;
      }
      long expected = found.map(Versioned::revision).orElse(Store.NONE);
      if (put(key, Taken.of(others), expected).isPresent()) {
        return true;
      }
      turns.next();
    }
  }

  private boolean stands(Claim claim, long revision) {
    return store
        .find(ReservationRecords.key(claim.owner()))
        .filter(found -> found.revision() == revision)
        .isPresent();
  }

  private void requireFree(Claim claim, Map<UUID, Share> others) {
    Resources free =
        requireNode(claim.node()).resources().minus(Taken.of(others).sum());
    List<String> missing = free.shortOf(claim.resources());
    if (!missing.isEmpty() || others.size() >= MOST_OWNERS) {
      String what = missing.isEmpty()
          ? "owners: it has " + others.size() + ", the most there can be"
          : String.join("; ", missing);
      throw new N0Exception(
          Code.EXHAUSTED,
          "node \"" + claim.node() + "\"",
          "reserve of node \"" + claim.node() + "\": " + what);
    }
  }

  private Node requireNode(String name) {
    Rules.label("node", name);
    Versioned record = store
        .find("node/" + name)
        .orElseThrow(() -> new N0Exception(
            Code.NOT_FOUND,
            "node \"" + name + "\"",
            "reserve of node \"" + name + "\": it has no record"));
    return NodeJson.decode(record.value());
  }

  @Override
  public void release(UUID owner) {
    Turns turns = new Turns("release what owner " + owner + " has");
    while (!released(owner)) {
      turns.next();
    }
  }

  private boolean released(UUID owner) {
    String key = ReservationRecords.key(owner);
    Optional<Versioned> found = store.find(key);
    if (found.isEmpty()) {
      return true;
    }
    Claim claim = ReservationRecords.claim(found.get());
    long revision = found.get().revision();
    if (claim.stage() != Stage.RELEASING) {
      claim = claim.at(Stage.RELEASING);
      Optional<Long> marked = put(key, claim, revision);
      if (marked.isEmpty()) {
        return false;
      }
      revision = marked.get();
    }
    giveBack(claim, revision);
    return true;
  }

  /** Several may do it at once; the claim goes last, so that nobody forgets the rest. */
  private void giveBack(Claim claim, long revision) {
    Turns turns = new Turns("release of node \"" + claim.node() + "\"");
    while (!unshared(claim)) {
      turns.next();
    }
    giveBackAddresses(claim);
    delete(ReservationRecords.key(claim.owner()), revision);
  }

  private void giveBackAddresses(Claim claim) {
    for (AddressText address : claim.addresses()) {
      String key = ReservationRecords.key(address);
      store
          .find(key)
          .filter(found -> ReservationRecords.holder(found).equals(Holder.of(claim)))
          .ifPresent(found -> delete(key, found.revision()));
    }
  }

  /** Rewrites the node's record in any case, so that a share that is on its way comes too late. */
  private boolean unshared(Claim claim) {
    String key = ReservationRecords.key(claim.node());
    Optional<Versioned> found = store.find(key);
    Map<UUID, Share> shares =
        new TreeMap<>(found.map(ReservationRecords::taken).orElse(Taken.NOTHING).shares());
    Optional<Share> share = Optional.ofNullable(shares.get(claim.owner()));
    if (share.map(Share::nonce).equals(Optional.of(claim.nonce()))) {
      shares.remove(claim.owner());
    }
    long expected = found.map(Versioned::revision).orElse(Store.NONE);
    return put(key, Taken.of(shares), expected).isPresent();
  }

  @Override
  public Optional<Reservation> find(UUID owner) {
    return store
        .find(ReservationRecords.key(owner))
        .map(ReservationRecords::claim)
        .filter(claim -> claim.stage() == Stage.HELD)
        .map(Claim::reservation);
  }

  @Override
  public Resources reserved(String node) {
    return taken(node).sum();
  }

  @Override
  public List<UUID> owners(String node) {
    return taken(node).shares().keySet().stream().sorted().toList();
  }

  private Taken taken(String node) {
    return store
        .find(ReservationRecords.key(Rules.label("node", node)))
        .map(ReservationRecords::taken)
        .orElse(Taken.NOTHING);
  }

  /** Sums up all nodes at once. */
  Map<String, Resources> reservedByNode() {
    Map<String, Resources> sums = new HashMap<>();
    for (Versioned record : store.list(ReservationRecords.RESERVED)) {
      String node = record.key().substring(ReservationRecords.RESERVED.length() + 1);
      sums.put(node, ReservationRecords.taken(record).sum());
    }
    return sums;
  }

  /** Returns nothing if the record is no longer as expected. */
  private Optional<Long> put(String key, Object record, long expected) {
    try {
      return Optional.of(store.put(key, ReservationRecords.json(record), expected));
    } catch (N0Exception e) {
      requireOvertaken(e, key, expected);
      return Optional.empty();
    }
  }

  private void delete(String key, long expected) {
    try {
      store.delete(key, expected);
    } catch (N0Exception e) {
      requireOvertaken(e, key, expected);
    }
  }

  /** The store says PRECONDITION for other reasons too, such as that it is closed. */
  private void requireOvertaken(N0Exception e, String key, long expected) {
    if (e.code() != Code.PRECONDITION
        || store.find(key).map(Versioned::revision).orElse(Store.NONE) == expected) {
      throw e;
    }
  }

  /** Bounds how long others may be quicker. */
  private final class Turns {
    private final String operation;
    private final long end = System.nanoTime() + deadline.toNanos();

    Turns(String operation) {
      this.operation = operation;
    }

    /** Takes the lane when its turn comes; the store may keep those before it waiting for long. */
    void await(Lock lane) {
      try {
        if (!lane.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          throw busy("others of this process had not done");
        }
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      }
    }

    void next() {
      if (System.nanoTime() - end > 0) {
        throw busy("others were quicker");
      }
      try {
        long pause = ThreadLocalRandom.current().nextLong(LONGEST_PAUSE_MILLIS);
        TimeUnit.MILLISECONDS.sleep(pause);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      }
    }

    private N0Exception busy(String why) {
      return new N0Exception(
          Code.BUSY, operation, operation + ": " + why + " for " + deadline.toMillis() + " ms");
    }
  }
}
