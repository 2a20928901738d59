package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.Observed;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Why a resource is as it is, and what the agent will do about it.
 *
 * @param resource what is on record
 * @param observed what was seen just now
 * @param running the operation in flight
 * @param steps the last steps of this agent's operations on it, oldest first
 * @param blocked what keeps the agent from going on; empty if nothing does
 * @param next what the agent does next by itself
 * @since 0.1
 */
public record Explanation(
    Resource resource,
    Observed<?> observed,
    Optional<Operation<?>> running,
    List<Step> steps,
    Optional<String> blocked,
    String next) {
  /**
   * A step that was taken.
   *
   * @param verb the operation it belonged to
   * @param name the step's name
   * @param ago how long ago it ended
   * @param took how long it took
   * @param failure what it failed with; empty if it succeeded
   */
  public record Step(String verb, String name, Duration ago, Duration took, String failure) {}

  /** Copies the list. */
  public Explanation {
    steps = List.copyOf(steps);
  }

  /** Returns it for people, on several lines. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    out.append(resource.id())
        .append(" uid ")
        .append(resource.id().uid())
        .append("\n  on record: generation ")
        .append(resource.generation())
        .append(", ")
        .append(resource.phase());
    if (!resource.message().isEmpty()) {
      out.append(", ").append(resource.message());
    }
    out.append("\n  asked for: ").append(resource.spec());
    out.append("\n  seen: ").append(observed);
    running.ifPresent(operation -> out.append("\n  in flight: ")
        .append(operation.verb())
        .append(", ")
        .append(operation.state())
        .append(operation.step().isEmpty() ? "" : ", step \"" + operation.step() + "\""));
    for (Step step : steps) {
      out.append("\n  step: ")
          .append(step.verb())
          .append(", ")
          .append(step.name())
          .append(", ")
          .append(step.took().toMillis())
          .append(" ms, ")
          .append(step.ago().toSeconds())
          .append(" s ago")
          .append(step.failure().isEmpty() ? "" : ", failed: " + step.failure());
    }
    blocked.ifPresent(what -> out.append("\n  blocked: ").append(what));
    return out.append("\n  next: ").append(next).toString();
  }
}
