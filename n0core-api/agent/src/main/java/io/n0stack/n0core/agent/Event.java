package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;
import java.util.UUID;

/**
 * Something that a watcher of an agent is told. Revisions grow from event to event, also across restarts
 * of the agent; only a {@link Progress} has none of its own.
 *
 * @since 0.1
 */
public sealed interface Event {
  /**
   * Returns where it stands among all events; what to give {@link Agent#watch} to go on after it.
   *
   * @return a number above those of all earlier events; of a {@link Progress} that of the event before it
   */
  long revision();

  /**
   * All that is on record. Comes first if the agent cannot tell what has happened since the revision that
   * was asked for, and in between if the watcher is too slow; it replaces all that the watcher knows.
   *
   * @param revision where it stands
   * @param resources the resources
   */
  record Snapshot(long revision, List<Resource> resources) implements Event {
    /** Copies the list. */
    public Snapshot {
      resources = List.copyOf(resources);
    }
  }

  /**
   * A resource was recorded: a new one, a new spec, phase or message.
   *
   * @param revision where it stands
   * @param resource the resource as it is on record now
   */
  record Recorded(long revision, Resource resource) implements Event {}

  /**
   * A resource was deleted and is no longer on record.
   *
   * @param revision where it stands
   * @param id the resource
   */
  record Forgotten(long revision, ResourceId id) implements Event {}

  /**
   * A resource cannot be seen any more and is left alone.
   *
   * @param revision where it stands
   * @param id the resource
   * @param why the reason, for people
   */
  record Unseen(long revision, ResourceId id, String why) implements Event {}

  /**
   * A resource that could not be seen can be seen again.
   *
   * @param revision where it stands
   * @param id the resource
   */
  record SeenAgain(long revision, ResourceId id) implements Event {}

  /**
   * An operation has come farther in a step, as its driver reports it. Of each operation at most a few are told in a
   * second, a watcher that is slow is told the latest only, and one that comes later nothing of what was before: they are
   * no part of what is kept and told without gaps. None follows the operation's {@link Ended}.
   *
   * @param revision that of the last event before it
   * @param operation the operation, as {@link Operation#id()}
   * @param id the resource it works on
   * @param verb what is done
   * @param step the name of the step
   * @param fraction how much of the step is done, 0 to 1
   * @param message what is being done, for people
   */
  record Progress(
      long revision,
      UUID operation,
      ResourceId id,
      String verb,
      String step,
      double fraction,
      String message)
      implements Event {}

  /**
   * An operation has ended.
   *
   * @param revision where it stands
   * @param id the resource it worked on
   * @param verb what was done
   * @param state how it ended
   * @param message what it failed with; empty if it succeeded
   */
  record Ended(long revision, ResourceId id, String verb, Operation.State state, String message)
      implements Event {}
}
