package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;
import java.util.UUID;

/**
 * An action that an agent died or was closed in, or whose answer was lost: it may have happened or not, wholly or in part. It is not repeated,
 * and stays on disk until {@link Agent#acknowledge} is told that somebody has looked.
 *
 * @param note its own identity
 * @param target the resource it was done to
 * @param verb what was done
 * @since 0.1
 */
public record Indeterminate(UUID note, ResourceId target, String verb) {
  /** Returns it for people. */
  @Override
  public String toString() {
    return verb + " " + target + " uid " + target.uid();
  }
}
