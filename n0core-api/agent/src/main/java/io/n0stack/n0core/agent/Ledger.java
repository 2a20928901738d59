package io.n0stack.n0core.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The intents, in memory as they are in the store. Thread-safe. */
final class Ledger {
  private static final String RESOURCES = "resource";
  private static final String ACTIONS = "action";
  private static final String UNREADABLE = "unreadable";

  private final Store store;
  private final SpecCodec codec;
  private final Map<Reference, Intent> intents = new HashMap<>();
  private final List<String> unreadable = new ArrayList<>();
  private final List<String> interrupted = new ArrayList<>();

  Ledger(Store store, SpecCodec codec, Map<String, Driver<?, ?>> drivers) {
    this.store = store;
    this.codec = codec;
    for (Versioned record : store.list(RESOURCES)) {
      load(record, drivers);
    }
    for (Versioned action : store.list(ACTIONS)) {
      interrupted.add(action.value());
      store.delete(action.key(), action.revision());
    }
  }

  private void load(Versioned record, Map<String, Driver<?, ?>> drivers) {
    String kind = record.key().split("/", -1)[1];
    Driver<?, ?> driver = drivers.get(kind);
    if (driver == null) {
      unreadable.add(
          record.key() + ": no driver for kind \"" + kind + "\" is installed; left as it is");
      return;
    }
    try {
      Intent intent = decode(record, kind, driver);
      intents.put(intent.id().reference(), intent);
    } catch (N0Exception e) {
      // Put aside, not deleted: what it describes shows as an orphan and runs on.
      String key = UNREADABLE + record.key().substring(RESOURCES.length());
      long old = store.find(key).map(Versioned::revision).orElse(Store.NONE);
      store.put(key, record.value(), old);
      store.delete(record.key(), record.revision());
      unreadable.add(record.key() + " (now " + key + "): " + e.getMessage());
    }
  }

  private Intent decode(Versioned record, String kind, Driver<?, ?> driver) {
    String subject = "record " + record.key();
    JsonNode tree = codec.tree(subject, record.value());
    try {
      ResourceId id = new ResourceId(
          kind, tree.path("name").asText(), UUID.fromString(tree.path("uid").asText()));
      return new Intent(
          id,
          codec.decode(subject, driver.describe().spec(), tree.path("spec")),
          tree.path("generation").asLong(),
          Phase.valueOf(tree.path("phase").asText()),
          OnFailure.valueOf(tree.path("onFailure").asText()),
          tree.path("realised").asBoolean(),
          tree.path("message").asText(),
          record.revision());
    } catch (IllegalArgumentException e) {
      throw new N0Exception(N0Exception.Code.INVALID, subject, subject + ": " + e.getMessage(), e);
    }
  }

  List<String> unreadable() {
    return List.copyOf(unreadable);
  }

  List<String> interrupted() {
    return List.copyOf(interrupted);
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

  /** Makes an intent durable. */
  synchronized Intent put(Class<? extends Spec> type, Intent intent) {
    ObjectNode tree = (ObjectNode) codec.object();
    tree.put("kind", intent.id().kind())
        .put("name", intent.id().name())
        .put("uid", intent.id().uid().toString())
        .put("generation", intent.generation())
        .put("phase", intent.phase().name())
        .put("onFailure", intent.onFailure().name())
        .put("realised", intent.realised())
        .put("message", intent.message())
        .set("spec", codec.encode(type, intent.spec()));
    long revision = store.put(key(intent.id()), codec.text(tree), intent.revision());
    Intent written = intent.at(revision);
    intents.put(intent.id().reference(), written);
    return written;
  }

  synchronized void remove(Intent intent) {
    store.delete(key(intent.id()), intent.revision());
    intents.remove(intent.id().reference());
  }

  /** Notes that an action begins, and returns what takes the note back. */
  Runnable journal(RunningOperation<?> action) {
    String key = ACTIONS + "/" + action.id();
    String note =
        action.verb() + " " + action.target() + " uid " + action.target().uid();
    long revision = store.put(key, note, Store.NONE);
    return () -> store.delete(key, revision);
  }

  private static String key(ResourceId id) {
    return RESOURCES + "/" + id.kind() + "/" + id.name();
  }
}
