package io.n0stack.n0core.membership.internal.swim;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Form;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Messages of the protocol that are as they should be, except that they are not true. */
public final class Lies {
  private Lies() {}

  /** Writes one of each kind, as if a member had died, by subject. */
  public static Map<String, byte[]> about(String id, HostPort address) {
    Optional<Told> dead =
        Optional.of(new Told(id, address, State.DEAD, System.currentTimeMillis() + 1_000));
    return Map.of(
        SwimMessages.SYNC, SwimWire.write(Form.MEMBER, List.of(dead)),
        SwimMessages.PROBE, SwimWire.write(Form.PAIR, List.of(dead, dead)),
        SwimMessages.PROBE_REQUEST, SwimWire.write(Form.MEMBER, List.of(dead)),
        SwimMessages.NEWS, SwimWire.write(Form.NEWS, List.of(dead)));
  }
}
