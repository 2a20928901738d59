package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;

/**
 * The records of a host's agent. They survive the process; whoever writes them may die before or after.
 *
 * @since 0.1
 */
public final class SimStore {
  private final TreeMap<String, Versioned> records = new TreeMap<>();
  // What was READY at some time, by uid; the store forgets it, the promise does not.
  private final Set<String> onceReady = new HashSet<>();
  private long revision;
  private boolean full;

  SimStore() {}

  /** Loses all records and the count of revisions, as a disk that breaks. */
  public void lose() {
    records.clear();
    revision = 0;
  }

  /**
   * Lets there be no space, or space again.
   *
   * @param now whether writes fail with EXHAUSTED
   */
  public void setFull(boolean now) {
    full = now;
  }

  /**
   * Damages a record.
   *
   * @param key its key, such as {@code resource/volume/root}
   */
  public void damage(String key) {
    records.computeIfPresent(key, (k, old) -> new Versioned(k, "{\"da", old.revision()));
  }

  /**
   * Lists what is kept.
   *
   * @return the records in the order of their keys
   */
  public List<Versioned> records() {
    return List.copyOf(records.values());
  }

  /** What is kept at a moment. */
  record Image(List<Versioned> records, Set<String> onceReady, long revision, boolean full) {}

  Image image() {
    return new Image(records(), Set.copyOf(onceReady), revision, full);
  }

  void restore(Image image) {
    records.clear();
    image.records().forEach(record -> records.put(record.key(), record));
    onceReady.clear();
    onceReady.addAll(image.onceReady());
    revision = image.revision();
    full = image.full();
  }

  /** Tells whether a text is in the record of a key. */
  boolean says(String key, String text) {
    Versioned record = records.get(key);
    return record != null && record.value().replace(" ", "").contains(text);
  }

  /** Tells whether a resource was READY at some time, whatever became of its record. */
  boolean wasReady(ResourceId id) {
    return onceReady.contains(id.uid().toString());
  }

  private void noteReady(String value) {
    String text = value.replace(" ", "");
    String field = "\"uid\":\"";
    int at = text.indexOf(field);
    if (at >= 0 && text.contains("\"phase\":\"READY\"")) {
      int begin = at + field.length();
      onceReady.add(text.substring(begin, text.indexOf('"', begin)));
    }
  }

  Store view(SimProcess process) {
    return new View(process);
  }

  private final class View implements Store {
    private final SimProcess process;

    View(SimProcess process) {
      this.process = process;
    }

    @Override
    public Optional<Versioned> find(String key) {
      process.requireAlive();
      return Optional.ofNullable(records.get(key));
    }

    @Override
    public List<Versioned> list(String prefix) {
      process.requireAlive();
      return records.values().stream()
          .filter(record -> prefix.isEmpty() || record.key().startsWith(prefix + "/"))
          .toList();
    }

    @Override
    public long put(String key, String value, long expectedRevision) {
      process.point("before writing " + shown(key));
      requireRevision(key, expectedRevision);
      if (full) {
        throw new N0Exception(N0Exception.Code.EXHAUSTED, key, "write " + key + ": no space left");
      }
      records.put(key, new Versioned(key, value, ++revision));
      noteReady(value);
      process.point("after writing " + shown(key));
      return revision;
    }

    @Override
    public void delete(String key, long expectedRevision) {
      process.point("before forgetting " + shown(key));
      requireRevision(key, expectedRevision);
      records.remove(key);
      process.point("after forgetting " + shown(key));
    }

    /** Notes of actions have random names. */
    private static String shown(String key) {
      return key.startsWith("action/") ? "a note" : key;
    }

    private void requireRevision(String key, long expected) {
      Versioned known = records.get(key);
      long actual = known == null ? NONE : known.revision();
      if (actual != expected) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            key,
            "write " + key + ": expected revision " + expected + ", found " + actual);
      }
    }

    @Override
    public Subscription watch(Executor executor, Listener listener) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED, "watch", "watch records: agents do not need it");
    }

    @Override
    public void close() {}
  }
}
