package io.n0stack.n0core.agent;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The components in which two specs differ, and how their driver can change each. */
final class SpecChanges {
  private final JsonCodec codec;

  SpecChanges(JsonCodec codec) {
    this.codec = codec;
  }

  <S extends Spec> List<Plan.Change> between(Driver<S, ?> driver, Spec from, Spec to) {
    Class<S> type = driver.describe().spec();
    JsonNode before = codec.encoded(type, from);
    JsonNode after = codec.encoded(type, to);
    Set<String> components = new TreeSet<>();
    before.fieldNames().forEachRemaining(components::add);
    after.fieldNames().forEachRemaining(components::add);
    List<Plan.Change> changes = new ArrayList<>();
    for (String component : components) {
      JsonNode old = before.path(component);
      JsonNode now = after.path(component);
      if (!old.equals(now)) {
        Driver.Change how = driver.change(component, type.cast(from), type.cast(to));
        changes.add(new Plan.Change(component, text(old), text(now), how));
      }
    }
    return changes;
  }

  private static String text(JsonNode value) {
    return value.isMissingNode() || value.isNull() ? "" : value.toString();
  }

  /** Refuses what cannot be changed, or not without more disruption than is allowed. */
  static void requireAllowed(Reference reference, List<Plan.Change> changes, Disruption allowed) {
    List<Plan.Change> rejected = only(Driver.Change.REJECTED, changes);
    if (!rejected.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          reference.toString(),
          "apply " + reference + ": cannot be changed: " + rejected
              + "; delete it and create it anew");
    }
    List<Plan.Change> restarts = only(Driver.Change.RESTART, changes);
    if (!restarts.isEmpty() && allowed == Disruption.NONE) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          reference.toString(),
          "apply " + reference + ": needs a restart, which is not allowed: " + restarts
              + "; allow Disruption.RESTART");
    }
  }

  static Plan.Action action(List<Plan.Change> changes) {
    if (!only(Driver.Change.REJECTED, changes).isEmpty()) {
      return Plan.Action.REFUSE;
    }
    return only(Driver.Change.RESTART, changes).isEmpty()
        ? Plan.Action.CHANGE_LIVE
        : Plan.Action.CHANGE_BY_RESTART;
  }

  private static List<Plan.Change> only(Driver.Change how, List<Plan.Change> changes) {
    return changes.stream().filter(change -> change.how() == how).toList();
  }
}
