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

  private RegistryProtocol() {}

  /** What a client may ask. */
  enum Verb {
    SAVE,
    REMOVE,
    FIND,
    LIST
  }

  /**
   * A question.
   *
   * @param node what to save
   * @param name what to remove or find; for a list, after which name it goes on
   */
  record Request(int version, Verb verb, Optional<Node> node, Optional<String> name) {
    static Request save(Node node) {
      return new Request(VERSION, Verb.SAVE, Optional.of(node), Optional.empty());
    }

    static Request of(Verb verb, String name) {
      return new Request(VERSION, verb, Optional.empty(), Optional.of(name));
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

  /** An answer. */
  record Reply(int version, List<Entry> nodes, Rest rest, Optional<Failure> failure) {
    static Reply of(List<Entry> nodes, Rest rest) {
      return new Reply(VERSION, nodes, rest, Optional.empty());
    }

    static Reply failed(N0Exception e) {
      String message = String.valueOf(e.getMessage());
      return new Reply(
          VERSION, List.of(), Rest.NONE, Optional.of(new Failure(e.code(), e.subject(), message)));
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
      throw N0Exception.invalid("verb", "null", "must be one of SAVE, REMOVE, FIND, LIST");
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
        && reply.failure().stream().noneMatch(f -> f.code() == null || f.subject() == null);
  }

  private static boolean incomplete(Entry entry) {
    return entry == null || entry.node() == null || entry.state() == null;
  }
}
