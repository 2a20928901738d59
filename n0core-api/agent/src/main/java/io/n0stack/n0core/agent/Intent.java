package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.nio.charset.StandardCharsets;

/**
 * What is on record of one resource.
 *
 * @param realised whether it was READY at some time; such a resource is never rolled back
 * @param revision the record's revision in the store
 */
record Intent(
    ResourceId id,
    Spec spec,
    long generation,
    Phase phase,
    OnFailure onFailure,
    boolean realised,
    String message,
    long revision) {
  static final String LOST = "lost: it was READY and is gone; apply it again to make a new one";
  private static final int MOST_MESSAGE = 1000;

  /** Cuts the message: a driver may say anything, and a record has a limit. */
  Intent {
    String cut =
        message.length() > MOST_MESSAGE ? message.substring(0, MOST_MESSAGE) + "…" : message;
    // A round trip replaces lone surrogates, which no record can hold.
    message = new String(cut.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
  }

  Intent in(Phase next, String why) {
    return new Intent(
        id, spec, generation, next, onFailure, realised || next == Phase.READY, why, revision);
  }

  /** What was READY is gone: the next spec, if there ever is one, makes a new one. */
  Intent lost() {
    return new Intent(id, spec, generation, Phase.FAILED, onFailure, false, LOST, revision);
  }

  Intent at(long newRevision) {
    return new Intent(id, spec, generation, phase, onFailure, realised, message, newRevision);
  }

  Intent under(OnFailure policy) {
    return new Intent(id, spec, generation, phase, policy, realised, message, revision);
  }

  Intent asking(Spec desired, OnFailure policy) {
    return new Intent(id, desired, generation + 1, Phase.APPLYING, policy, realised, "", revision);
  }

  boolean leaving() {
    return phase == Phase.DELETING || phase == Phase.ROLLING_BACK;
  }

  Resource resource() {
    return new Resource(id, spec, generation, phase, message);
  }
}
