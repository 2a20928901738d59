package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.RegistryProtocol.Verb;

/** Who may ask what of the node registry. */
final class RegistryAccess {
  /** What the transport knows of the one who asks. */
  enum Standing {
    /** Its name, and that it is a node. */
    NODE,
    /** Its name, and that it is an API process. */
    API
  }

  /**
   * Who asks.
   *
   * @param name its name as the transport has proved it; in plaintext as it says
   */
  record Asker(String name, Standing standing) {
    static Asker of(Peer peer) {
      return peer.role() == Peer.Role.REGISTRY ? api(peer.name()) : node(peer.name());
    }

    static Asker node(String name) {
      return new Asker(name, Standing.NODE);
    }

    static Asker api(String name) {
      return new Asker(name, Standing.API);
    }
  }

  private RegistryAccess() {}

  /** Lets nodes change their own record only. */
  static void require(Asker asker, Verb verb, String node) {
    boolean own = asker.standing() != Standing.NODE || asker.name().equals(node);
    if (verb.changes() && !own) {
      throw new N0Exception(
          Code.PERMISSION,
          "node \"" + node + "\"",
          verb.operation() + " node \"" + node + "\": asked for by node \"" + asker.name()
              + "\", which may change its own record only");
    }
  }
}
