package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.Store;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;

/**
 * What is on record of one resource.
 *
 * @param options how the spec in force was asked for
 * @param realised whether it was READY and has not been reported lost since: then a loss is a loss
 * @param onceReady whether it was READY at some time, or may have been; it is never rolled back, since
 *     what was lost may only have been out of sight
 * @param revision the record's revision in the store
 */
record Intent(
    ResourceId id,
    Spec spec,
    long generation,
    Phase phase,
    ApplyOptions options,
    boolean realised,
    boolean onceReady,
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

  /** What is asked for the first time. */
  static Intent fresh(ResourceId id, Spec spec, ApplyOptions options) {
    return new Intent(id, spec, 1, Phase.APPLYING, options, false, false, "", Store.NONE);
  }

  /** What existed before it came on record: it is never rolled back, and a loss is a loss. */
  static Intent existing(ResourceId id, Spec spec, long generation, ApplyOptions options) {
    return new Intent(id, spec, generation, Phase.APPLYING, options, true, true, "", Store.NONE);
  }

  Intent in(Phase next, String why) {
    return new Intent(id, spec, generation, next, options, realised, onceReady, why, revision);
  }

  /** What is as asked for: leave to disrupt it was given for this change alone. */
  Intent ready() {
    ApplyOptions from = options.withDisruption(Disruption.NONE);
    return new Intent(id, spec, generation, Phase.READY, from, true, true, "", revision);
  }

  /** What was READY is gone: the next spec, if there ever is one, makes a new one. */
  Intent lost() {
    return new Intent(
        id, spec, generation, Phase.FAILED, options, false, onceReady, LOST, revision);
  }

  /** Tells whether it was reported lost and has not been seen complete since. */
  boolean isLost() {
    return onceReady && !realised;
  }

  /** What was reported lost is there again: if it goes once more, that is a loss again. */
  Intent foundAgain() {
    return new Intent(
        id, spec, generation, Phase.APPLYING, options, onceReady, onceReady, "", revision);
  }

  Intent at(long newRevision) {
    return new Intent(
        id, spec, generation, phase, options, realised, onceReady, message, newRevision);
  }

  Intent under(ApplyOptions latest) {
    return new Intent(id, spec, generation, phase, latest, realised, onceReady, message, revision);
  }

  Intent asking(Spec desired, ApplyOptions latest) {
    return new Intent(
        id, desired, generation + 1, Phase.APPLYING, latest, realised, onceReady, "", revision);
  }

  /** What the spec refers to, in an order that does not differ from run to run. */
  List<Reference> needs() {
    return spec.dependencies().stream()
        .sorted(Comparator.comparing(Reference::kind).thenComparing(Reference::name))
        .toList();
  }

  boolean leaving() {
    return phase == Phase.DELETING || phase == Phase.ROLLING_BACK;
  }

  Resource resource() {
    return new Resource(id, spec, generation, phase, message);
  }
}
