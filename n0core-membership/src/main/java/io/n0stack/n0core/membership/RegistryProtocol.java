package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import java.util.List;
import java.util.Optional;

/** The messages between client and server of the node registry: JSON, with a version. */
final class RegistryProtocol {
  static final String SUBJECT = "n0core-node-registry";
  static final int VERSION = 1;

  /** How long a server waits for something to tell. */
  static final int WATCH_MILLIS = 4000;

  private RegistryProtocol() {}

  /** What a client may ask. */
  enum Verb {
    SAVE("save"),
    SAVE_IF("save"),
    REMOVE("remove"),
    REMOVE_IF("remove"),
    FIND("find"),
    LIST("list"),
    WATCH("watch");

    private final String operation;

    Verb(String operation) {
      this.operation = operation;
    }

    String operation() {
      return operation;
    }

    boolean changes() {
      return !this.equals(FIND) && !this.equals(LIST) && !this.equals(WATCH);
    }
  }

  /**
   * A question. What changes a record under a condition is a verb of its own, because a server that
   * did not know the condition would change it without.
   *
   * @param node what to save
   * @param name what to remove or find; for a list, after which name it goes on
   * @param revision the revision that the record must have
   * @param position for a watch, after which event it goes on
   */
  record Request(
      int version,
      Verb verb,
      Optional<Node> node,
      Optional<String> name,
      Optional<Long> revision,
      Optional<String> position) {
    static Request save(Node node) {
      return of(Verb.SAVE, Optional.of(node), Optional.empty());
    }

    static Request saveIf(Node node, long revision) {
      return of(Verb.SAVE_IF, Optional.of(node), Optional.empty()).at(revision);
    }

    static Request removeIf(String name, long revision) {
      return of(Verb.REMOVE_IF, name).at(revision);
    }

    static Request watch(String position) {
      Optional<String> after = Optional.of(position);
      return new Request(
          VERSION, Verb.WATCH, Optional.empty(), Optional.empty(), Optional.empty(), after);
    }

    static Request of(Verb verb, String name) {
      return of(verb, Optional.empty(), Optional.of(name));
    }

    private static Request of(Verb verb, Optional<Node> node, Optional<String> name) {
      return new Request(VERSION, verb, node, name, Optional.empty(), Optional.empty());
    }

    private Request at(long expected) {
      return new Request(version, verb, node, name, Optional.of(expected), position);
    }

    /** Names the node that would be changed: of a request that has a name too, only what is used counts. */
    String about() {
      boolean saves = verb == Verb.SAVE || verb == Verb.SAVE_IF;
      return (saves ? node.map(Node::name) : name).orElse("");
    }
  }

  /** Why a question has no answer. */
  record Failure(Code code, String subject, String message) {
    N0Exception exception() {
      return new N0Exception(code, subject, message);
    }
  }

  /** Whether a list goes on after its last node. */
  enum Rest {
    NONE,
    MORE
  }

  /** What became of a node. */
  record Event(String name, Optional<Entry> now, long revision) {}

  /** What the events of an answer follow on. */
  enum Follows {
    /** On the position that was asked for. */
    POSITION,
    /** On nothing: that position is not known here, and all nodes are told of again. */
    NOTHING
  }

  /**
   * Part of a watch.
   *
   * @param position where to go on
   * @param rest whether more is there already
   */
  record Batch(String position, Follows follows, Rest rest, List<Event> events) {}

  /** An answer. */
  record Reply(
      int version,
      List<Entry> nodes,
      Rest rest,
      Optional<Failure> failure,
      Optional<Long> revision,
      Optional<Batch> batch) {
    static Reply of(List<Entry> nodes, Rest rest) {
      return new Reply(VERSION, nodes, rest, Optional.empty(), Optional.empty(), Optional.empty());
    }

    static Reply of(Batch batch) {
      return new Reply(
          VERSION, List.of(), Rest.NONE, Optional.empty(), Optional.empty(), Optional.of(batch));
    }

    static Reply failed(N0Exception e) {
      Failure failure = new Failure(e.code(), e.subject(), String.valueOf(e.getMessage()));
      return new Reply(
          VERSION, List.of(), Rest.NONE, Optional.of(failure), Optional.empty(), Optional.empty());
    }

    Reply withRevision(long now) {
      return new Reply(version, nodes, rest, failure, Optional.of(now), batch);
    }
  }

  static Request request(byte[] json) {
    int most = NodeJson.MAX_NODE_BYTES + 1024; // a record and its envelope
    Request request = NodeJson.read("request", json, most, Request.class);
    if (request.version() != VERSION) {
      throw new N0Exception(
          Code.UNSUPPORTED,
          "version",
          "node registry speaks version " + VERSION + ", asked for " + request.version());
    }
    if (request.verb() == null) {
      throw N0Exception.invalid("verb", "null", "must be one of " + List.of(Verb.values()));
    }
    return request;
  }

  static Reply reply(byte[] json) {
    Reply reply = NodeJson.read("reply", json, NodeJson.MAX_MESSAGE_BYTES, Reply.class);
    if (reply.version() != VERSION) {
      throw new N0Exception(
          Code.UNSUPPORTED, "version", "node registry answered in version " + reply.version());
    }
    if (!whole(reply)) {
      throw N0Exception.invalid("reply", reply, "must have nodes with states, rest and failure");
    }
    return reply;
  }

  /** JSON can leave out what a record's type promises. */
  private static boolean whole(Reply reply) {
    return reply.nodes() != null
        && reply.rest() != null
        && reply.nodes().stream().noneMatch(RegistryProtocol::incomplete)
        && reply.failure().stream().noneMatch(f -> f.code() == null || f.subject() == null)
        && reply.batch().stream().allMatch(RegistryProtocol::whole);
  }

  private static boolean whole(Batch batch) {
    return batch.position() != null
        && batch.follows() != null
        && batch.rest() != null
        && batch.events() != null
        && batch.events().stream().noneMatch(RegistryProtocol::incomplete);
  }

  private static boolean incomplete(Event event) {
    return event == null
        || event.name() == null
        || event.now().stream().anyMatch(RegistryProtocol::incomplete);
  }

  private static boolean incomplete(Entry entry) {
    return entry == null || entry.node() == null || entry.state() == null;
  }
}
