package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.options.GetOption;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.store.Versioned;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads many records as of one revision, in answers of bounded size. */
final class EtcdLists {
  private static final long MOST_AT_ONCE = 1024;
  private static final long LEAST_AT_ONCE = 16; // of the largest, a quarter of the largest answer
  private static final int TRIES = 3;
  private static final byte[] LATER = {0};

  /** The records as of a revision. */
  record Snapshot(long revision, List<Versioned> records) {}

  private final EtcdCalls calls;
  private final EtcdKeys keys;

  EtcdLists(EtcdCalls calls, EtcdKeys keys) {
    this.calls = calls;
    this.keys = keys;
  }

  /** Asks a majority for the revision that is current now. */
  long revision() {
    GetOption counting =
        GetOption.builder().withRange(keys.end("")).withCountOnly(true).build();
    return calls
        .read(
            "ask etcd for its revision",
            client -> client.getKVClient().get(keys.first(""), counting))
        .getHeader()
        .getRevision();
  }

  Snapshot below(String labels) {
    for (int tries = 1; ; tries++) {
      try {
        return once(labels);
      } catch (N0Exception e) {
        // The revision of the first answer was compacted away before the last: begin anew.
        if (e.code() != Code.INVALID || tries == TRIES) {
          throw e;
        }
      }
    }
  }

  private Snapshot once(String labels) {
    List<Versioned> records = new ArrayList<>();
    ByteSequence from = keys.first(labels);
    ByteSequence end = keys.end(labels);
    long revision = 0;
    long limit = MOST_AT_ONCE;
    while (true) {
      GetResponse answer;
      try {
        answer = page(from, end, revision, limit);
      } catch (N0Exception e) {
        if (e.code() != Code.EXHAUSTED || limit == LEAST_AT_ONCE) {
          throw e;
        }
        limit = Math.max(limit / 4, LEAST_AT_ONCE); // larger than a message may be
        continue;
      }
      revision = revision == 0 ? answer.getHeader().getRevision() : revision;
      List<KeyValue> found = answer.getKvs();
      found.stream()
          .filter(one -> keys.key(one.getKey()).isPresent())
          .map(keys::record)
          .forEach(records::add);
      if (!answer.isMore() || found.isEmpty()) {
        return new Snapshot(revision, List.copyOf(records));
      }
      from = found.get(found.size() - 1).getKey().concat(ByteSequence.from(LATER));
    }
  }

  private GetResponse page(ByteSequence from, ByteSequence end, long revision, long limit) {
    GetOption option = GetOption.builder()
        .withRange(end)
        .withRevision(revision)
        .withLimit(limit)
        .build();
    String below = from.toString(StandardCharsets.UTF_8);
    return calls.read(
        "list records from \"" + below + "\"", client -> client.getKVClient().get(from, option));
  }
}
