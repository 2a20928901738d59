package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Verb;

/** Who may ask what of the node registry. */
public final class RegistryAccess {
  /** What the transport knows of the one who asks. */
  public enum Standing {
    /** Its name, and that it is a node. */
    NODE,
    /** Its name, and that it is an API process. */
    API
  }

  /**
   * Who asks.
   *
   * @param name its name as the transport has proved it; in plaintext as it says
   * @param standing what the transport knows of it
   */
  public record Asker(String name, Standing standing) {
    /**
     * Returns who is at the other end of a connection.
     *
     * @param peer who is there
     * @return who asks
     */
    public static Asker of(Peer peer) {
      return peer.role() == Peer.Role.REGISTRY ? api(peer.name()) : node(peer.name());
    }

    /**
     * Returns a node.
     *
     * @param name its name
     * @return who asks
     */
    public static Asker node(String name) {
      return new Asker(name, Standing.NODE);
    }

    /**
     * Returns an API process.
     *
     * @param name its name
     * @return who asks
     */
    public static Asker api(String name) {
      return new Asker(name, Standing.API);
    }
  }

  private RegistryAccess() {}

  /**
   * Lets nodes change their own record only.
   *
   * @param asker who asks
   * @param verb what for
   * @param node of which node
   * @throws N0Exception PERMISSION if it may not
   */
  public static void require(Asker asker, Verb verb, String node) {
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
