package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Refuses a request or makes its intent durable. Called under the resource's lane. */
final class Admission {
  private final Host host;
  private final Ledger ledger;
  private final SpecChanges changes;

  Admission(Host host, Ledger ledger, SpecChanges changes) {
    this.host = host;
    this.ledger = ledger;
    this.changes = changes;
  }

  /**
   * Looks for what was reported lost, since it may only have been out of sight. Called under no lock: a
   * driver may take its time to look.
   */
  Observed<?> lookForLost(Reference reference) {
    return ledger
        .find(reference)
        .filter(Intent::isLost)
        .<Observed<?>>map(known -> host.observe(known.id()))
        .orElseGet(() -> Observed.unknown("not looked"));
  }

  ResourceId apply(Reference reference, Spec spec, ApplyOptions options, Observed<?> found) {
    host.requireType(reference, spec);
    synchronized (ledger) { // what is needed must not begin to go between the look and the record
      requireBuildable(Engine.APPLY, reference, Map.of(reference, spec));
      return applyBuildable(reference, spec, options, found);
    }
  }

  /** Refuses one of the specs that are asked for together if it can never be built, or not now. */
  private void requireBuildable(String verb, Reference reference, Map<Reference, Spec> asked) {
    Set<Reference> dependencies = ledger.needsOf(reference, asked);
    if (ledger.needsItself(reference, asked)) {
      throw N0Exception.invalid(
          "dependencies of " + reference, dependencies, "must not depend on itself");
    }
    for (Reference dependency : dependencies) {
      if (ledger.find(dependency).filter(Intent::leaving).isPresent()) {
        throw new N0Exception(
            Code.PRECONDITION,
            reference.toString(),
            verb + " " + reference + ": it needs " + dependency
                + ", which is being deleted; wait until that is gone and " + verb + " it again");
      }
    }
  }

  private ResourceId applyBuildable(
      Reference reference, Spec spec, ApplyOptions options, Observed<?> found) {
    Optional<Intent> now = ledger.find(reference);
    if (now.isEmpty()) {
      ResourceId id = ResourceId.fresh(reference.kind(), reference.name());
      return record(Intent.fresh(id, spec, options)).id();
    }
    Intent known = now.get();
    if (known.leaving()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          "apply " + reference + ": it is being deleted; wait until it is gone");
    }
    if (!known.spec().equals(spec)) {
      requireChangeable(known, spec, options, found);
      record(known.asking(spec, options));
    } else if (known.phase() == Phase.FAILED) {
      record(known.under(options).in(Phase.APPLYING, ""));
    } else if (!known.options().equals(options)) {
      record(known.under(options)); // the latest request says what happens if it fails
    }
    return known.id();
  }

  /** Joins a request for the same that is being worked on: the latest says what happens if it fails. */
  void join(Reference reference, ApplyOptions options) {
    synchronized (ledger) {
      ledger.find(reference).filter(known -> !known.leaving()).ifPresent(known -> {
        // Leave to disrupt is for this change alone, and may come when that is made.
        ApplyOptions latest = known.phase() == Phase.READY
            ? options.withDisruption(known.options().disruption())
            : options;
        if (!known.options().equals(latest)) {
          record(known.under(latest));
        }
      });
    }
  }

  /** What was never finished, and what is lost and is seen to be gone, may become anything. */
  private void requireChangeable(Intent known, Spec spec, ApplyOptions options, Observed<?> found) {
    boolean gone = known.isLost() && found instanceof Observed.Absent;
    if (known.onceReady() && !gone) {
      SpecChanges.requireAllowed(
          known.id().reference(),
          changes.between(host.driver(known.id().kind()), known.spec(), spec),
          options.disruption());
    }
  }

  ResourceId adopt(ResourceId orphan, Spec spec) {
    Reference reference = orphan.reference();
    synchronized (ledger) {
      if (ledger.find(reference).isPresent()) {
        throw new N0Exception(
            Code.ALREADY_EXISTS,
            reference.toString(),
            "adopt " + reference + ": another one of that name is on record");
      }
      requireBuildable("adopt", reference, Map.of(reference, spec));
      ResourceId id =
          record(Intent.existing(orphan, spec, 1, ApplyOptions.defaults())).id();
      ledger.forgetAside(id);
      return id;
    }
  }

  /** Takes on record what is not on record yet. */
  List<ResourceId> restore(List<Intent> backup) {
    synchronized (ledger) {
      List<Intent> missing = backup.stream()
          .filter(intent -> ledger.find(intent.id().reference()).isEmpty())
          .toList();
      Map<Reference, Spec> asked = new HashMap<>();
      missing.forEach(intent -> asked.put(intent.id().reference(), intent.spec()));
      missing.forEach(intent -> requireBuildable("restore", intent.id().reference(), asked));
      List<ResourceId> taken = new ArrayList<>();
      missing.forEach(intent -> taken.add(record(intent).id()));
      taken.forEach(ledger::forgetAside);
      return taken;
    }
  }

  ResourceId delete(Reference reference, Set<Reference> along) {
    synchronized (ledger) {
      requireDeletable(reference, along);
      Intent known = ledger.find(reference).orElseThrow(() -> notFound("delete", reference));
      if (known.phase() != Phase.DELETING) {
        record(known.in(Phase.DELETING, ""));
      }
      return known.id();
    }
  }

  void requireDeletable(Reference reference, Set<Reference> along) {
    List<Reference> others = ledger.needers(reference).stream()
        .filter(other -> !along.contains(other))
        .toList();
    if (!others.isEmpty()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          "delete " + reference + ": needed by " + others + "; delete that first");
    }
  }

  void requireUnrecorded(ResourceId orphan) {
    Reference reference = orphan.reference();
    Optional<Intent> known = ledger.find(reference);
    if (known.isEmpty()) {
      requireDeletable(reference, Set.of());
    } else if (known.get().id().equals(orphan)) {
      throw new N0Exception(
          Code.NOT_FOUND,
          orphan.toString(),
          "reap " + orphan + ": it is on record by now, and no orphan; delete it instead");
    }
  }

  ResourceId act(Reference reference, String verb) {
    Intent known = ledger.find(reference).orElseThrow(() -> notFound(verb, reference));
    if (known.leaving()) {
      throw new N0Exception(
          Code.PRECONDITION,
          reference.toString(),
          verb + " " + reference + ": it is being deleted");
    }
    return known.id();
  }

  /** Changes what is on record now: a request that was joined meanwhile may have changed it. */
  Intent revise(ResourceId id, UnaryOperator<Intent> change) {
    synchronized (ledger) {
      Reference reference = id.reference();
      return record(change.apply(
          ledger.find(reference).orElseThrow(() -> notFound(Engine.APPLY, reference))));
    }
  }

  Intent record(Intent intent) {
    return ledger.put(host.driver(intent.id().kind()).describe().spec(), intent);
  }

  static N0Exception notFound(String verb, Reference reference) {
    return new N0Exception(
        Code.NOT_FOUND, reference.toString(), verb + " " + reference + ": there is none on record");
  }
}
