package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The messages between client and server of the node registry: JSON, with a version. */
public final class RegistryProtocol {
  /** The subject of its messages. */
  public static final String SUBJECT = "n0core-node-registry";

  static final int VERSION = 1;

  /** How long a server waits for something to tell. */
  public static final int WATCH_MILLIS = 4000;

  private static final int LIST_BYTES = NodeJson.MAX_MESSAGE_BYTES / 2;

  private RegistryProtocol() {}

  /** What a client may ask. */
  public enum Verb {
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

    /**
     * Names what is done, for errors.
     *
     * @return a verb
     */
    public String operation() {
      return operation;
    }

    /**
     * Tells whether it changes a record.
     *
     * @return whether it does
     */
    public boolean changes() {
      return !this.equals(FIND) && !this.equals(LIST) && !this.equals(WATCH);
    }
  }

  /**
   * A question. What changes a record under a condition is a verb of its own, because a server that
   * did not know the condition would change it without.
   *
   * @param version the version of the messages
   * @param verb what is asked
   * @param node what to save
   * @param name what to remove or find; for a list, after which name it goes on
   * @param revision the revision that the record must have
   * @param position for a watch, after which event it goes on
   */
  public record Request(
      int version,
      Verb verb,
      Optional<Node> node,
      Optional<String> name,
      Optional<Long> revision,
      Optional<String> position) {
    /**
     * Asks to save a record.
     *
     * @param node the record
     * @return the question
     */
    public static Request save(Node node) {
      return of(Verb.SAVE, Optional.of(node), Optional.empty());
    }

    /**
     * Asks to save a record under a condition.
     *
     * @param node the record
     * @param revision the revision that is replaced
     * @return the question
     */
    public static Request saveIf(Node node, long revision) {
      return of(Verb.SAVE_IF, Optional.of(node), Optional.empty()).at(revision);
    }

    /**
     * Asks to remove a record under a condition.
     *
     * @param name the node's name
     * @param revision the revision that is removed
     * @return the question
     */
    public static Request removeIf(String name, long revision) {
      return of(Verb.REMOVE_IF, name).at(revision);
    }

    /**
     * Asks what comes next.
     *
     * @param position after which position
     * @return the question
     */
    public static Request watch(String position) {
      Optional<String> after = Optional.of(position);
      return new Request(
          VERSION, Verb.WATCH, Optional.empty(), Optional.empty(), Optional.empty(), after);
    }

    /**
     * Asks what needs a name and no more.
     *
     * @param verb what is asked
     * @param name the node's name
     * @return the question
     */
    public static Request of(Verb verb, String name) {
      return of(verb, Optional.empty(), Optional.of(name));
    }

    private static Request of(Verb verb, Optional<Node> node, Optional<String> name) {
      return new Request(VERSION, verb, node, name, Optional.empty(), Optional.empty());
    }

    private Request at(long expected) {
      return new Request(version, verb, node, name, Optional.of(expected), position);
    }

    /**
     * Names the node that would be changed: of a request that has a name too, only what is used counts.
     *
     * @return its name, empty if there is none
     */
    public String about() {
      boolean saves = verb == Verb.SAVE || verb == Verb.SAVE_IF;
      return (saves ? node.map(Node::name) : name).orElse("");
    }
  }

  /**
   * Why a question has no answer.
   *
   * @param code its kind
   * @param subject what it is about
   * @param message its text
   */
  public record Failure(Code code, String subject, String message) {
    /**
     * Returns it as it is thrown.
     *
     * @return the exception
     */
    public N0Exception exception() {
      return new N0Exception(code, subject, message);
    }
  }

  /** Whether a list goes on after its last node. */
  public enum Rest {
    NONE,
    MORE
  }

  /**
   * What became of a node.
   *
   * @param name the node's name
   * @param now the node as it is now, empty if it is gone
   * @param revision its record's revision
   */
  public record Event(String name, Optional<Entry> now, long revision) {}

  /** What the events of an answer follow on. */
  public enum Follows {
    /** On the position that was asked for. */
    POSITION,
    /** On nothing: that position is not known here, and all nodes are told of again. */
    NOTHING
  }

  /**
   * Part of a watch.
   *
   * @param position where to go on
   * @param follows what the events follow on
   * @param rest whether more is there already
   * @param events what became of nodes
   */
  public record Batch(String position, Follows follows, Rest rest, List<Event> events) {}

  /**
   * An answer.
   *
   * @param version the version of the messages
   * @param nodes nodes that were asked for
   * @param rest whether there are more of them
   * @param failure why there is no answer
   * @param revision a record's revision
   * @param batch what comes next
   */
  public record Reply(
      int version,
      List<Entry> nodes,
      Rest rest,
      Optional<Failure> failure,
      Optional<Long> revision,
      Optional<Batch> batch) {
    /**
     * Answers with nodes.
     *
     * @param nodes the nodes
     * @param rest whether there are more
     * @return the answer
     */
    public static Reply of(List<Entry> nodes, Rest rest) {
      return new Reply(VERSION, nodes, rest, Optional.empty(), Optional.empty(), Optional.empty());
    }

    /**
     * Answers with what comes next.
     *
     * @param batch what comes
     * @return the answer
     */
    public static Reply of(Batch batch) {
      return new Reply(
          VERSION, List.of(), Rest.NONE, Optional.empty(), Optional.empty(), Optional.of(batch));
    }

    /**
     * Answers with part of a list, which stays well under the largest message.
     *
     * @param nodes the list, by name
     * @param after which name to begin after
     * @return the answer
     */
    public static Reply page(List<Entry> nodes, String after) {
      List<Entry> page = new ArrayList<>();
      int bytes = 0;
      for (Entry entry : nodes) {
        if (entry.node().name().compareTo(after) <= 0) {
          continue;
        }
        bytes += NodeJson.bytes(entry).length;
        if (bytes > LIST_BYTES) {
          return of(page, Rest.MORE);
        }
        page.add(entry);
      }
      return of(page, Rest.NONE);
    }

    /**
     * Answers why there is no answer.
     *
     * @param e why
     * @return the answer
     */
    public static Reply failed(N0Exception e) {
      Failure failure = new Failure(e.code(), e.subject(), String.valueOf(e.getMessage()));
      return new Reply(
          VERSION, List.of(), Rest.NONE, Optional.of(failure), Optional.empty(), Optional.empty());
    }

    /**
     * Adds a revision.
     *
     * @param now the revision
     * @return a changed copy
     */
    public Reply withRevision(long now) {
      return new Reply(version, nodes, rest, failure, Optional.of(now), batch);
    }
  }

  /**
   * Reads a question.
   *
   * @param json the message
   * @return the question
   * @throws N0Exception INVALID if it is malformed; UNSUPPORTED if it is of another version
   */
  public static Request request(byte[] json) {
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

  /**
   * Reads an answer.
   *
   * @param json the message
   * @return the answer
   * @throws N0Exception INVALID if it is malformed; UNSUPPORTED if it is of another version
   */
  public static Reply reply(byte[] json) {
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
