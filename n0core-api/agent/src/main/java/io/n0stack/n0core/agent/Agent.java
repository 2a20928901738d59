package io.n0stack.n0core.agent;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Keeps specs durably and makes the host what they say.
 *
 * <p>What the agent is asked for is on disk before anything is done about it. An agent that was killed
 * at any instruction and is opened again on the same directory adopts what is finished without
 * touching it, goes on with what was half done, and leaves alone what it cannot see. Closing an agent
 * leaves the data plane running.
 *
 * <p>Thread-safe. The program that opens an agent closes it.
 *
 * @since 0.1
 */
public final class Agent implements AutoCloseable {
  /**
   * Something done with a driver's capability.
   *
   * @param <C> the type of the capability
   * @param <R> the type of the result
   */
  @FunctionalInterface
  public interface Action<C, R> {
    /**
     * Does it.
     *
     * @param capability the driver's capability
     * @param cx progress, cancellation, deadline
     * @param id the resource
     * @return the result
     */
    R run(C capability, Context cx, ResourceId id);
  }

  private final Store store;
  private final JsonCodec codec = new JsonCodec();
  private final Map<String, Driver<?, ?>> drivers;
  private final Ledger ledger;
  private final Host host;
  private final Admission admission;
  private final Engine engine;
  private final Planner planner;
  private final Reconciler reconciler;
  private final Duration limit;

  private Agent(
      Store store,
      Map<String, Driver<?, ?>> drivers,
      AgentOptions options,
      Scheduler scheduler,
      List<String> quarantined) {
    this.store = store;
    this.drivers = drivers;
    this.limit = options.operationLimit();
    this.ledger = new Ledger(store, codec, drivers);
    this.host = new Host(drivers, ledger);
    SpecChanges changes = new SpecChanges(codec);
    this.admission = new Admission(host, ledger, changes);
    Instruments instruments = new Instruments(options, scheduler);
    this.reconciler = new Reconciler(ledger, drivers, options.tick(), scheduler);
    this.engine =
        new Engine(host, ledger, admission, instruments, scheduler, limit, reconciler::wake);
    Inspection inspection = new Inspection(engine, host, ledger, admission, instruments, scheduler);
    this.planner =
        new Planner(host, ledger, engine, inspection, changes, scheduler, options.tick());
    List<String> damaged = new ArrayList<>(ledger.unreadable());
    damaged.addAll(quarantined);
    reconciler.start(engine, inspection, damaged);
  }

  /**
   * Opens an agent with the usual options.
   *
   * @param stateDirectory the agent's own directory, made if it does not exist
   * @param drivers one driver per kind; the agent closes them
   * @return the agent
   * @throws N0Exception BUSY if another agent is open on the directory; INVALID for two drivers of one kind
   */
  public static Agent open(Path stateDirectory, List<? extends Driver<?, ?>> drivers) {
    return open(stateDirectory, drivers, AgentOptions.defaults());
  }

  /**
   * Opens an agent. It begins at once to look at all that is on record; {@link #recovery()} waits for
   * that.
   *
   * @param stateDirectory the agent's own directory, made if it does not exist
   * @param drivers one driver per kind; the agent closes them
   * @param options how it behaves
   * @return the agent
   * @throws N0Exception BUSY if another agent is open on the directory; INVALID for two drivers of one kind
   */
  public static Agent open(
      Path stateDirectory, List<? extends Driver<?, ?>> drivers, AgentOptions options) {
    requireDistinctKinds(drivers);
    FileStore store = FileStore.open(stateDirectory);
    List<String> quarantined = store.quarantined().stream()
        .map(damaged -> damaged.key() + " (now " + damaged.file() + "): " + damaged.why())
        .toList();
    return open(store, drivers, options, new Workers(options.workers()), quarantined);
  }

  /**
   * Opens an agent on a store and a scheduler of the caller's, as a simulator does; otherwise as {@link
   * #open(Path, List, AgentOptions)}.
   *
   * @param store where specs are kept; no other agent uses it, and the agent closes it
   * @param drivers one driver per kind; the agent closes them
   * @param options how it behaves; its number of workers is the scheduler's business
   * @param scheduler where its work runs; the agent closes it
   * @return the agent
   * @throws N0Exception INVALID for two drivers of one kind
   */
  public static Agent open(
      Store store,
      List<? extends Driver<?, ?>> drivers,
      AgentOptions options,
      Scheduler scheduler) {
    requireDistinctKinds(drivers);
    return open(store, drivers, options, scheduler, List.of());
  }

  private static Agent open(
      Store store,
      List<? extends Driver<?, ?>> drivers,
      AgentOptions options,
      Scheduler scheduler,
      List<String> quarantined) {
    Map<String, Driver<?, ?>> byKind = new LinkedHashMap<>();
    drivers.forEach(driver -> byKind.put(driver.describe().kind(), driver));
    boolean opened = false;
    try {
      Agent agent =
          new Agent(store, Collections.unmodifiableMap(byKind), options, scheduler, quarantined);
      opened = true;
      return agent;
    } finally {
      if (!opened) {
        scheduler.close();
        store.close();
      }
    }
  }

  private static void requireDistinctKinds(List<? extends Driver<?, ?>> drivers) {
    Set<String> kinds = new HashSet<>();
    for (Driver<?, ?> driver : drivers) {
      if (!kinds.add(driver.describe().kind())) {
        throw N0Exception.invalid(
            "drivers", driver.describe().kind(), "must be one driver per kind");
      }
    }
  }

  /**
   * Makes a resource what a spec says, now and from now on. The intent is durable when this returns; the
   * work goes on in the operation. The same request while one runs joins it, and says from
   * then on what happens if that fails.
   *
   * @param kind the resource's kind
   * @param name its name
   * @param spec what it is to be
   * @return the operation; it succeeds when the resource has been seen to be complete
   * @throws N0Exception INVALID for a name, kind or spec that breaks a rule or would need itself, before
   *     any effect; BUSY if a different operation is running on the resource; PRECONDITION if it, or
   *     something that it needs, is being deleted, or if a component of its spec cannot be changed, or
   *     only by a restart that is not allowed
   */
  public Operation<ResourceId> apply(String kind, String name, Spec spec) {
    return apply(kind, name, spec, ApplyOptions.defaults());
  }

  /**
   * Makes a resource what a spec says; otherwise as {@link #apply(String, String, Spec)}.
   *
   * @param kind the resource's kind
   * @param name its name
   * @param spec what it is to be
   * @param options what happens when that fails, and what may be disrupted
   * @return the operation
   * @throws N0Exception as for {@link #apply(String, String, Spec)}
   */
  public Operation<ResourceId> apply(String kind, String name, Spec spec, ApplyOptions options) {
    return engine.apply(new Reference(kind, name), spec, options);
  }

  /**
   * Applies several resources in the order of their dependencies and waits for each. All intents are
   * durable before the first effect, so that an agent that dies in between goes on with the rest.
   *
   * @param bundle the resources
   * @return their identities, in the order in which they were applied
   * @throws N0Exception INVALID, before anything is on record, for a kind or spec that breaks a rule;
   *     otherwise what the first one failed with; those after it stay on record
   */
  public List<ResourceId> apply(Bundle bundle) {
    return apply(bundle, ApplyOptions.defaults());
  }

  /**
   * Applies several resources; otherwise as {@link #apply(Bundle)}.
   *
   * @param bundle the resources
   * @param options what happens when one fails, and what may be disrupted
   * @return their identities, in the order in which they were applied
   * @throws N0Exception as for {@link #apply(Bundle)}
   */
  public List<ResourceId> apply(Bundle bundle, ApplyOptions options) {
    bundle.entries().forEach(entry -> host.requireType(entry.reference(), entry.spec()));
    for (Bundle.Entry entry : bundle.entries()) {
      engine.prepare(entry.reference(), entry.spec(), options);
    }
    List<ResourceId> done = new ArrayList<>();
    for (Bundle.Entry entry : bundle.entries()) {
      done.add(engine.apply(entry.reference(), entry.spec(), options).await(limit));
    }
    return done;
  }

  /**
   * Says what {@link #apply(Bundle)} would do. Looks at the host and changes nothing.
   *
   * @param bundle the resources
   * @return the plan, true of the moment
   * @throws N0Exception INVALID for a kind or spec that breaks a rule
   */
  public Plan plan(Bundle bundle) {
    return planner.plan(bundle);
  }

  /**
   * Says why a resource is as it is and what the agent will do about it.
   *
   * @param kind its kind
   * @param name its name
   * @return the explanation, seen just now
   * @throws N0Exception NOT_FOUND if none is on record
   */
  public Explanation explain(String kind, String name) {
    return planner.explain(new Reference(kind, name));
  }

  /**
   * Deletes a resource. The intent is durable when this returns: from then on it is deleted even if the
   * agent dies.
   *
   * @param kind the resource's kind
   * @param name its name
   * @return the operation; it succeeds when the resource has been seen to be absent
   * @throws N0Exception NOT_FOUND if none is on record; PRECONDITION if others depend on it; BUSY if a
   *     different operation is running on it
   */
  public Operation<ResourceId> delete(String kind, String name) {
    return engine.delete(new Reference(kind, name));
  }

  /**
   * Deletes the resources of a bundle in the reverse of the order of their dependencies and waits for
   * each. All intents are durable before the first effect. What is not on record is passed over.
   *
   * @param bundle the resources
   * @throws N0Exception PRECONDITION, before any effect, if something outside the bundle depends on one
   *     of them; otherwise what the first deletion failed with
   */
  public void delete(Bundle bundle) {
    List<Reference> order = new ArrayList<>();
    for (Bundle.Entry entry : bundle.entries()) {
      ledger.find(entry.reference()).ifPresent(known -> order.add(0, entry.reference()));
    }
    Set<Reference> all = Set.copyOf(order);
    order.forEach(reference -> admission.requireDeletable(reference, all));
    order.forEach(reference -> unlessGone(reference, () -> engine.prepareDeletion(reference, all)));
    order.forEach(
        reference -> unlessGone(reference, () -> engine.delete(reference).await(limit)));
  }

  /** Passes over what the reconciler, which knows the intent too, has deleted first. */
  private void unlessGone(Reference reference, Runnable deletion) {
    try {
      deletion.run();
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.NOT_FOUND || ledger.find(reference).isPresent()) {
        throw e;
      }
    }
  }

  /**
   * Does something once with a capability of a resource's driver, such as a reboot. It is noted durably
   * before it begins; if the agent dies or is closed in between, or the driver throws {@link
   * io.n0stack.n0core.api.UnknownOutcomeException}, it is not repeated but reported by the next agent's
   * {@link Recovery#indeterminate()}.
   *
   * @param kind the resource's kind
   * @param name its name
   * @param verb what is done, for people
   * @param capability the capability needed
   * @param action does it
   * @param <C> the type of the capability
   * @param <R> the type of the result
   * @return the operation
   * @throws N0Exception NOT_FOUND if none is on record; UNSUPPORTED if the driver lacks the capability;
   *     BUSY if another operation is running on it
   */
  public <C, R> Operation<R> act(
      String kind, String name, String verb, Class<C> capability, Action<C, R> action) {
    return engine.act(new Reference(kind, name), verb, capability, action);
  }

  /**
   * Reads a bundle from JSON: {@code {"resources": [{"kind": …, "name": …, "spec": {…}}, …]}}. The
   * components of the specs are named as in Java, enums in lower case with hyphens, and the case of a
   * sealed type by a {@code type} property.
   *
   * @param json the text
   * @return the bundle
   * @throws N0Exception INVALID, naming the field, for anything that is wrong or unknown
   */
  public Bundle parse(String json) {
    List<Bundle.Entry> entries = new ArrayList<>();
    JsonNode tree = codec.tree("bundle", json);
    JsonCodec.requireFields("bundle", tree, Set.of("resources"));
    JsonNode resources = tree.path("resources");
    if (!resources.isArray()) {
      throw N0Exception.invalid("resources", resources, "must be an array");
    }
    for (JsonNode entry : resources) {
      JsonCodec.requireFields("resources[]", entry, Set.of("kind", "name", "spec"));
      Reference reference =
          new Reference(entry.path("kind").asText(), entry.path("name").asText());
      Class<? extends Spec> type = host.driver(reference.kind()).describe().spec();
      entries.add(new Bundle.Entry(
          reference, codec.parsed(reference.toString(), type, entry.path("spec"))));
    }
    return new Bundle(entries);
  }

  /**
   * Finds a resource on record.
   *
   * @param kind its kind
   * @param name its name
   * @return the resource, empty if none is on record
   */
  public Optional<Resource> find(String kind, String name) {
    return ledger.find(new Reference(kind, name)).map(Intent::resource);
  }

  /**
   * Lists what is on record.
   *
   * @return the resources, in no particular order
   */
  public List<Resource> resources() {
    return ledger.all().stream().map(Intent::resource).toList();
  }

  /**
   * Looks at a resource.
   *
   * @param kind its kind
   * @param name its name
   * @param status the type its driver reports
   * @param <T> the type of the status
   * @return what was seen just now; absent if none is on record
   */
  public <T> Observed<T> observe(String kind, String name, Class<T> status) {
    Optional<Intent> intent = ledger.find(new Reference(kind, name));
    if (intent.isEmpty()) {
      return Observed.absent();
    }
    Observed<?> seen = host.observe(intent.get().id());
    if (seen instanceof Observed.Present<?> present) {
      return new Observed.Present<>(status.cast(present.status()), present.complete());
    }
    return seen instanceof Observed.Unknown<?> unknown
        ? Observed.unknown(unknown.why())
        : Observed.absent();
  }

  /**
   * Waits until all that was on record when the agent was opened has been looked at, and worked on if it
   * had to be.
   *
   * @return what was found
   * @throws N0Exception {@code OperationTimeoutException} if that takes longer than an operation may
   */
  public Recovery recovery() {
    return reconciler.recovery(limit);
  }

  /**
   * Lists what bears our stamp on this host and is not on record. It is never touched by itself.
   *
   * @return the orphans, seen just now
   * @throws N0Exception UNAVAILABLE if a driver cannot look
   */
  public Set<ResourceId> orphans() {
    return drivers.values().stream()
        .flatMap(driver -> orphans(driver).stream())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private Set<ResourceId> orphans(Driver<?, ?> driver) {
    return driver.list().stream()
        .filter(id ->
            ledger.find(id.reference()).filter(known -> known.id().equals(id)).isEmpty())
        .collect(Collectors.toSet());
  }

  /**
   * Takes an orphan on record under the uid it has, and applies a spec to it.
   *
   * @param orphan one of {@link #orphans()}
   * @param spec what it is to be
   * @return the operation
   * @throws N0Exception NOT_FOUND if there is no such orphan; ALREADY_EXISTS if its name is on record;
   *     INVALID if the spec would need itself; PRECONDITION if something that it needs is being deleted
   */
  public Operation<ResourceId> adopt(ResourceId orphan, Spec spec) {
    requireOrphan(orphan);
    return engine.adopt(orphan, spec);
  }

  /**
   * Deletes an orphan. The intent is durable when this returns.
   *
   * @param orphan one of {@link #orphans()}
   * @return the operation
   * @throws N0Exception NOT_FOUND if there is no such orphan; PRECONDITION if others need what bears its
   *     name; BUSY if something runs under its name
   */
  public Operation<ResourceId> reap(ResourceId orphan) {
    requireOrphan(orphan);
    return engine.reap(orphan);
  }

  private void requireOrphan(ResourceId orphan) {
    // Only its own driver is asked: that another cannot look is no reason to refuse.
    if (!orphans(host.driver(orphan.kind())).contains(orphan)) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND,
          orphan.toString(),
          "no orphan " + orphan + " with uid " + orphan.uid());
    }
  }

  /**
   * Takes note that somebody has looked at what an interrupted action came to; it is reported no more.
   *
   * @param action one of {@link Recovery#indeterminate()}
   */
  public void acknowledge(Indeterminate action) {
    ledger.takeBack(action.note());
  }

  /**
   * Follows what happens. The listener is told of all events after a revision and then of each as it
   * happens, in order and without gaps; where the agent cannot tell all that has happened, because it was
   * restarted or the listener is more than 4,096 events behind, a {@link Event.Snapshot} takes its place.
   * In between it is told a few times a second how far each operation has come ({@link Event.Progress}), of which
   * nothing is kept.
   *
   * @param afterRevision the revision of the last event that is known, 0 for none
   * @param executor what runs the listener, one event at a time; not the calling thread
   * @param listener called with each event
   * @return the subscription, which the caller closes
   */
  public Subscription watch(long afterRevision, Executor executor, Consumer<Event> listener) {
    return ledger.history().watch(afterRevision, executor, listener, ledger::snapshot);
  }

  /**
   * Returns the specs on record with their uids as JSON, but for what is being deleted. It is all that
   * {@link #restore} needs to find again what runs.
   *
   * @return the text
   */
  public String export() {
    return new Backup(host, codec).write(ledger.all());
  }

  /**
   * Takes the specs of a backup on record, as after the loss of the state directory. What runs is found
   * by its uid and goes on undisturbed; what is gone is made again or, if it held data, reported. What is
   * on record stays as it is. All intents are durable when this returns; the work goes on by itself.
   *
   * @param backup what {@link #export()} returned
   * @return what was taken on record
   * @throws N0Exception INVALID, before any effect, for a text that is no backup, or if a resource would need
   *     itself; PRECONDITION, before any effect, if something that is needed is being deleted
   */
  public List<ResourceId> restore(String backup) {
    List<ResourceId> taken = admission.restore(new Backup(host, codec).read(backup));
    taken.forEach(id -> reconciler.wake(id.reference()));
    ledger.history().deliver();
    return taken;
  }

  /** Looks at everything now rather than at the next tick; returns without waiting. */
  public void reconcile() {
    reconciler.tick();
  }

  /**
   * Stops working. Nothing on the host is touched; what was half done is gone on with when it is opened
   * again. Waits for at most 10 s for drivers to return, after 5 s by interrupting them; operations
   * that have not ended by then fail with PRECONDITION. The directory is free afterwards even if a
   * driver throws as it is closed.
   */
  @Override
  public void close() {
    engine.close();
    reconciler.close();
    closeAll(drivers.values().iterator());
  }

  private void closeAll(Iterator<Driver<?, ?>> left) {
    if (!left.hasNext()) {
      store.close();
      return;
    }
    try {
      left.next().close();
    } finally {
      closeAll(left);
    }
  }
}
