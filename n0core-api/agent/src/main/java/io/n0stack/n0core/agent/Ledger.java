package io.n0stack.n0core.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The intents, in memory as they are in the store. Thread-safe. */
final class Ledger {
  private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);
  private static final String RESOURCES = "resource";
  private static final String ACTIONS = "action";
  private static final String UNREADABLE = "unreadable";

  private static final String LIFE = "life";
  private static final int EVENTS_KEPT = 4096;
  // How many events a life may have for each change of the store without running into the next
  // life's.
  private static final int EVENTS_BITS = 20;
  // A store that has lost count goes on from the clock and has revisions that leave less room. It
  // spends 1024 of them when it is opened, so that a life has as many events all the same.
  private static final long LARGE_LIFE = 1L << 42;
  private static final int EVENTS_BITS_OF_LARGE = 10;
  private static final long LARGEST_LIFE = LARGE_LIFE + (1L << 52) - (1L << 30);

  private final Store store;
  private final JsonCodec codec;
  private final History history;
  private final Map<Reference, Intent> intents = new HashMap<>();
  private final Map<Reference, Unserved> unserved = new HashMap<>();
  private final List<String> unreadable = new ArrayList<>();
  private final List<Indeterminate> indeterminate = new ArrayList<>();

  /** A record that is of no use now; what it needs must outlive it all the same. */
  private record Unserved(Reference reference, String uid, Set<Reference> needs) {}

  Ledger(Store store, JsonCodec codec, Map<String, Driver<?, ?>> drivers) {
    this.store = store;
    this.codec = codec;
    this.history = new History(base(life()), EVENTS_KEPT);
    for (Versioned aside : store.list(UNREADABLE)) {
      readAgain(aside, drivers);
    }
    for (Versioned record : store.list(RESOURCES)) {
      load(record, drivers);
    }
    for (Versioned action : store.list(ACTIONS)) {
      loadAction(action);
    }
  }

  /** Numbers this life above all that was before; a full disk stops no agent. */
  private long life() {
    long highest = store.list("").stream().mapToLong(Versioned::revision).max().orElse(0);
    try {
      long known = store.find(LIFE).map(Versioned::revision).orElse(Store.NONE);
      return store.put(LIFE, "", known);
    } catch (N0Exception e) {
      LOG.warn("this life is not on record, events may be numbered again: {}", e.getMessage());
      return highest + 1;
    }
  }

  /** Returns where the events of a life begin: the later the life, the higher, whatever its number. */
  static long base(long life) {
    if (life < LARGE_LIFE) {
      return life << EVENTS_BITS;
    }
    long beyond = Math.min(life, LARGEST_LIFE) - LARGE_LIFE;
    return (LARGE_LIFE << EVENTS_BITS) + (beyond << EVENTS_BITS_OF_LARGE);
  }

  private void loadAction(Versioned action) {
    try {
      JsonNode tree = codec.tree(action.key(), action.value());
      ResourceId target = new ResourceId(
          tree.path("kind").asText(),
          tree.path("name").asText(),
          UUID.fromString(tree.path("uid").asText()));
      UUID note = UUID.fromString(action.key().substring(ACTIONS.length() + 1));
      indeterminate.add(new Indeterminate(note, target, tree.path("verb").asText()));
    } catch (N0Exception | IllegalArgumentException e) {
      unreadable.add(action.key() + ": " + e.getMessage());
    }
  }

  private void load(Versioned record, Map<String, Driver<?, ?>> drivers) {
    String kind = record.key().split("/", -1)[1];
    Driver<?, ?> driver = drivers.get(kind);
    if (driver == null) {
      keepNeeds(record);
      unreadable.add(
          record.key() + ": no driver for kind \"" + kind + "\" is installed; left as it is");
      return;
    }
    try {
      Intent intent = decode(record, kind, driver);
      intents.put(intent.id().reference(), intent);
    } catch (N0Exception e) {
      keepNeeds(record);
      unreadable.add(putAside(record) + ": " + e.getMessage());
    }
  }

  /** Puts a record back that was put aside and can be read by now, unless its name is taken. */
  private void readAgain(Versioned aside, Map<String, Driver<?, ?>> drivers) {
    String key = RESOURCES + aside.key().substring(UNREADABLE.length());
    String kind = key.split("/", -1)[1];
    try {
      Optional<Versioned> taken = store.find(key);
      Optional<String> uid = uid(aside);
      if (taken.isPresent() && uid.isPresent() && uid.equals(uid(taken.get()))) {
        store.delete(aside.key(), aside.revision()); // it is on record again
        return;
      }
      Driver<?, ?> driver = drivers.get(kind);
      if (taken.isEmpty() && driver != null) {
        Intent unused = decode(new Versioned(key, aside.value(), aside.revision()), kind, driver);
        long revision = store.put(key, aside.value(), Store.NONE);
        LOG.info("{}: can be read again, now {} revision {}", aside.key(), key, revision);
        store.delete(aside.key(), aside.revision());
        return;
      }
      unreadable.add(aside.key() + ": " + (driver == null ? "no driver" : "its name is taken"));
    } catch (N0Exception e) {
      unreadable.add(aside.key() + ": " + e.getMessage());
    }
    keepNeeds(aside);
  }

  private Optional<String> uid(Versioned record) {
    try {
      return Optional.of(codec.tree(record.key(), record.value()).path("uid").asText())
          .filter(uid -> !uid.isEmpty());
    } catch (N0Exception e) {
      return Optional.empty();
    }
  }

  private void keepNeeds(Versioned record) {
    String[] labels = record.key().split("/", -1);
    try {
      JsonNode tree = codec.tree(record.key(), record.value());
      Set<Reference> needs = new HashSet<>();
      for (JsonNode need : tree.path("needs")) {
        needs.add(new Reference(need.path("kind").asText(), need.path("name").asText()));
      }
      Reference reference = new Reference(labels[1], labels[2]);
      unserved.put(reference, new Unserved(reference, tree.path("uid").asText(), needs));
    } catch (N0Exception e) {
      LOG.warn("{}: what it needs cannot be read: {}", record.key(), e.getMessage());
    }
  }

  /** Puts a record aside and does not delete it: what it describes shows as an orphan and runs on. */
  private String putAside(Versioned record) {
    String key = UNREADABLE + record.key().substring(RESOURCES.length());
    try {
      long old = store.find(key).map(Versioned::revision).orElse(Store.NONE);
      store.put(key, record.value(), old);
      store.delete(record.key(), record.revision());
      return record.key() + " (now " + key + ")";
    } catch (N0Exception e) {
      return record.key() + " (left there: " + e.getMessage() + ")"; // a full disk stops no agent
    }
  }

  private Intent decode(Versioned record, String kind, Driver<?, ?> driver) {
    String subject = "record " + record.key();
    JsonNode tree = codec.tree(subject, record.value());
    try {
      ResourceId id = new ResourceId(
          kind, tree.path("name").asText(), UUID.fromString(tree.path("uid").asText()));
      if (!key(id).equals(record.key())) {
        throw N0Exception.invalid("name", id.name(), "must be that of " + record.key());
      }
      return new Intent(
          id,
          codec.decoded(subject, driver.describe().spec(), tree.path("spec")),
          tree.path("generation").asLong(),
          Phase.valueOf(tree.path("phase").asText()),
          new ApplyOptions(
              OnFailure.valueOf(tree.path("onFailure").asText()),
              Disruption.valueOf(tree.path("disruption").asText(Disruption.NONE.name()))),
          tree.path("realised").asBoolean(),
          tree.path("onceReady").asBoolean(true), // who does not know destroys nothing
          tree.path("message").asText(),
          record.revision());
    } catch (IllegalArgumentException e) {
      throw new N0Exception(N0Exception.Code.INVALID, subject, subject + ": " + e.getMessage(), e);
    }
  }

  List<String> unreadable() {
    return List.copyOf(unreadable);
  }

  synchronized List<Indeterminate> indeterminate() {
    return List.copyOf(indeterminate);
  }

  History history() {
    return history;
  }

  /** Returns all that is on record, and where in the history that is so. */
  synchronized Event.Snapshot snapshot() {
    return new Event.Snapshot(
        history.last(), intents.values().stream().map(Intent::resource).toList());
  }

  synchronized Optional<Intent> find(Reference reference) {
    return Optional.ofNullable(intents.get(reference));
  }

  synchronized List<Intent> all() {
    return List.copyOf(intents.values());
  }

  /** Lists what refers to a resource. */
  synchronized List<Intent> dependents(Reference reference) {
    return intents.values().stream()
        .filter(intent -> intent.spec().dependencies().contains(reference))
        .toList();
  }

  /** Forgets a record that was put aside: what it describes is on record again, or destroyed. */
  synchronized void forgetAside(ResourceId id) {
    Unserved aside = unserved.get(id.reference());
    if (aside == null || !aside.uid().equals(id.uid().toString())) {
      return;
    }
    try {
      String key = UNREADABLE + key(id).substring(RESOURCES.length());
      store.find(key).ifPresent(record -> store.delete(key, record.revision()));
      unserved.remove(id.reference());
    } catch (N0Exception e) {
      LOG.warn("{}: its record that cannot be read stays: {}", id, e.getMessage());
    }
  }

  /** Names what refers to a resource, also what no driver is installed for or cannot be read. */
  synchronized List<Reference> needers(Reference reference) {
    Stream<Reference> others = unserved.values().stream()
        .filter(other -> other.needs().contains(reference))
        .map(Unserved::reference);
    return Stream.concat(
            dependents(reference).stream().map(other -> other.id().reference()), others)
        .distinct()
        .toList();
  }

  /** Returns what a resource needs, once what is asked for is on record. */
  synchronized Set<Reference> needsOf(Reference reference, Map<Reference, Spec> asked) {
    Spec spec = asked.get(reference);
    return spec == null
        ? find(reference).map(intent -> intent.spec().dependencies()).orElse(Set.of())
        : spec.dependencies();
  }

  /** Tells whether a resource would need itself, once what is asked for is on record. */
  synchronized boolean needsItself(Reference reference, Map<Reference, Spec> asked) {
    Set<Reference> seen = new HashSet<>();
    Deque<Reference> open = new ArrayDeque<>(needsOf(reference, asked));
    while (!open.isEmpty()) {
      Reference next = open.pop();
      if (next.equals(reference)) {
        return true;
      }
      if (seen.add(next)) {
        open.addAll(needsOf(next, asked));
      }
    }
    return false;
  }

  /** Makes an intent durable. */
  synchronized Intent put(Class<? extends Spec> type, Intent intent) {
    ObjectNode tree = (ObjectNode) codec.object();
    tree.put("kind", intent.id().kind())
        .put("name", intent.id().name())
        .put("uid", intent.id().uid().toString())
        .put("generation", intent.generation())
        .put("phase", intent.phase().name())
        .put("onFailure", intent.options().onFailure().name())
        .put("disruption", intent.options().disruption().name())
        .put("realised", intent.realised())
        .put("onceReady", intent.onceReady())
        .put("message", intent.message())
        .set("spec", codec.encoded(type, intent.spec()));
    ArrayNode needs = tree.putArray("needs");
    for (Reference need : intent.needs()) {
      needs.addObject().put("kind", need.kind()).put("name", need.name());
    }
    long revision = store.put(key(intent.id()), codec.text(tree), intent.revision());
    Intent written = intent.at(revision);
    intents.put(intent.id().reference(), written);
    history.append(at -> new Event.Recorded(at, written.resource()));
    return written;
  }

  synchronized void remove(Intent intent) {
    store.delete(key(intent.id()), intent.revision());
    intents.remove(intent.id().reference());
    history.append(at -> new Event.Forgotten(at, intent.id()));
  }

  /** Notes durably that something is about to be done once. */
  void journal(UUID note, String verb, ResourceId target) {
    ObjectNode tree = (ObjectNode) codec.object();
    tree.put("verb", verb)
        .put("kind", target.kind())
        .put("name", target.name())
        .put("uid", target.uid().toString());
    store.put(ACTIONS + "/" + note, codec.text(tree), Store.NONE);
  }

  /** Takes a note back: how it ended is known. */
  synchronized void takeBack(UUID note) {
    String key = ACTIONS + "/" + note;
    store.find(key).ifPresent(record -> store.delete(key, record.revision()));
    indeterminate.removeIf(known -> known.note().equals(note));
  }

  private static String key(ResourceId id) {
    return RESOURCES + "/" + id.kind() + "/" + id.name();
  }
}
