package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.Set;

/**
 * Makes, changes, observes and deletes resources of one kind on this host.
 *
 * <p>A driver keeps no truth in memory: what it knows it reads from the data plane, where it stamped
 * kind, name and uid on all it made. A new instance in a new process therefore sees what an old one
 * left behind, finished or not. It never touches what does not bear the stamp.
 *
 * <p>Thread-safe. The agent never runs two calls of {@link #apply} or {@link #delete} for one
 * resource at the same time; everything else may run in parallel.
 *
 * @param <S> the type of the spec
 * @param <T> the type of the status
 * @since 0.1
 */
public interface Driver<S extends Spec, T> extends AutoCloseable {
  /**
   * Says what the driver is for.
   *
   * @return the same value at each call
   */
  Descriptor<S, T> describe();

  /**
   * Looks whether the driver can work, and at the host. Cheap, polled, and never throws: failing to
   * look is {@link Fingerprint.Health#UNHEALTHY}.
   *
   * @return health, attributes and capacity
   */
  Fingerprint probe();

  /**
   * Lists all on this host that bears this driver's stamp, half-made things included.
   *
   * @return the identities, read from the data plane
   * @throws N0Exception UNAVAILABLE if it cannot look; a partial answer is never returned
   */
  Set<ResourceId> list();

  /**
   * Looks at one resource. Does not change anything and does not throw because looking failed.
   *
   * @param id the resource
   * @return present, proved absent, or unknown; a resource of the same name with another uid is absent
   */
  Observed<T> observe(ResourceId id);

  /**
   * Creates the resource, or makes an existing one what the spec asks for. Idempotent and resumable:
   * applied again after a crash at any point it finishes the work; applied to what is complete it
   * changes and disrupts nothing. On failure it leaves what is half made, stamped.
   *
   * @param cx progress, cancellation, deadline, dependencies
   * @param id the resource
   * @param desired what it is to be
   * @throws N0Exception INVALID or UNSUPPORTED, before any side effect, for a spec that this driver
   *     cannot realise; ALREADY_EXISTS if something foreign holds the name; UNAVAILABLE if it cannot
   *     see; and others as {@link N0Exception.Code} says
   */
  void apply(Context cx, ResourceId id, S desired);

  /**
   * Deletes the resource and all that bears its uid. Idempotent: what is absent is deleted.
   *
   * @param cx progress, cancellation, deadline, dependencies
   * @param id the resource
   * @throws N0Exception UNAVAILABLE if it cannot see what it would have to delete; BUSY if in use
   */
  void delete(Context cx, ResourceId id);

  /**
   * Says what the agent does when a finished resource turns out to be absent.
   *
   * @return {@link Loss#RECREATE} unless overridden
   */
  default Loss onLoss() {
    return Loss.RECREATE;
  }

  /** What an agent does about a finished resource that is gone. */
  enum Loss {
    /** Makes it again: it holds nothing that its spec does not say, or is gone after each reboot. */
    RECREATE,
    /** Reports it and waits to be asked: it held data, and an empty one in its place would hide that. */
    REPORT
  }

  /**
   * Says how one component of a finished resource's spec can be changed. The agent asks for each component
   * that differs, before anything of the change is on record; {@link #apply} does not rely on that.
   *
   * @param component the component's name, {@code type} if the case of a sealed family changes
   * @param from the spec that it has
   * @param to the spec that it is to have
   * @return {@link Change#LIVE} unless overridden
   */
  default Change change(String component, S from, S to) {
    return Change.LIVE;
  }

  /** How a component of a spec can be changed. */
  enum Change {
    /** While the resource is in use, without a disruption. */
    LIVE,
    /** Only by stopping what runs and starting it again; needs {@link Disruption#RESTART}. */
    RESTART,
    /** Not at all: delete the resource and create it anew. */
    REJECTED
  }

  /**
   * Returns something this driver can do beyond the above. A capability is an interface.
   *
   * @param type the capability, such as {@code Power.class}
   * @param <C> the type of the capability
   * @return the capability, empty if the driver lacks it; by default the driver itself if it
   *     implements the type
   */
  default <C> Optional<C> capability(Class<C> type) {
    return type.isInstance(this) ? Optional.of(type.cast(this)) : Optional.empty();
  }

  /** Frees what this process holds. Never touches the data plane. */
  @Override
  default void close() {}
}
