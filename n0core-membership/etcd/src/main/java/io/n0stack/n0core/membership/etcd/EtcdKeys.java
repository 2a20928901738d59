package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.KeyValue;
import io.n0stack.n0core.api.store.StoreRules;
import io.n0stack.n0core.api.store.Versioned;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** How keys and records lie in etcd. */
final class EtcdKeys {
  private static final String HEADER = "n0core-record 1 ";
  private static final int MARK = 36; // a UUID

  private final String prefix;

  EtcdKeys(String prefix) {
    this.prefix = prefix + "/";
  }

  ByteSequence of(String key) {
    return bytes(prefix + key);
  }

  /** The first key below a prefix of labels, or of all. */
  ByteSequence first(String labels) {
    return labels.isEmpty() ? bytes(prefix) : bytes(prefix + labels + "/");
  }

  /** What comes after the last key below it: '0' is the character after '/'. */
  ByteSequence end(String labels) {
    String below = first(labels).toString(StandardCharsets.UTF_8);
    return bytes(below.substring(0, below.length() - 1) + "0");
  }

  /** Returns the key of ours, or nothing for one that others have put there. */
  Optional<String> key(ByteSequence name) {
    String text = name.toString(StandardCharsets.UTF_8);
    String key = text.startsWith(prefix) ? text.substring(prefix.length()) : "";
    return StoreRules.isKey(key) ? Optional.of(key) : Optional.empty();
  }

  Versioned record(KeyValue found) {
    String name = found.getKey().toString(StandardCharsets.UTF_8);
    String value = found.getValue().toString(StandardCharsets.UTF_8);
    int content = mark(found).isPresent() ? HEADER.length() + MARK + 1 : 0;
    return new Versioned(
        name.substring(prefix.length()), value.substring(content), found.getModRevision());
  }

  static ByteSequence value(String mark, String value) {
    return bytes(HEADER + mark + "\n" + value);
  }

  /** Returns whose change it was; a record that somebody wrote by hand has none. */
  static Optional<String> mark(KeyValue found) {
    String value = found.getValue().toString(StandardCharsets.UTF_8);
    int end = HEADER.length() + MARK;
    boolean marked = value.length() > end && value.startsWith(HEADER) && value.charAt(end) == '\n';
    return marked ? Optional.of(value.substring(HEADER.length(), end)) : Optional.empty();
  }

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }
}
