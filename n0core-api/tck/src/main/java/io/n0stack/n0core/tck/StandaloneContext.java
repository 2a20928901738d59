package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A context for calling a driver without an agent: it answers {@code require} from what it was told,
 * records the steps, and can crash, cancel, interrupt or meddle at one of them. Used by one thread.
 */
public final class StandaloneContext implements Context {
  private final Map<Reference, Object> statuses = new HashMap<>();
  private final Map<Reference, ResourceId> identities = new HashMap<>();
  private final Map<String, List<Object>> capabilities = new HashMap<>();
  private final List<String> steps = new ArrayList<>();
  private final Map<String, Runnable> deeds = new HashMap<>();
  private final long deadline;
  private int crashPoint = -1;
  private int cancelStep = -1;
  private int interruptStep = -1;
  private int expiryStep = -1;
  private int failingStep = -1;
  private int deedStep = -1;
  private Runnable deed = () -> {};
  private boolean halt;
  private boolean refused;
  private boolean expired;
  private int points;

  /** Creates a context that allows one minute. */
  public StandaloneContext() {
    this(Duration.ofMinutes(1));
  }

  /**
   * Creates a context.
   *
   * @param limit the time it allows
   */
  public StandaloneContext(Duration limit) {
    deadline = System.nanoTime() + limit.toNanos();
  }

  /**
   * Makes a dependency READY.
   *
   * @param kind its kind
   * @param name its name
   * @param status its status
   * @return this
   */
  public StandaloneContext with(String kind, String name, Object status) {
    statuses.put(new Reference(kind, name), status);
    return this;
  }

  /**
   * Makes a dependency READY, and tells who it is.
   *
   * @param id the dependency
   * @param status its status
   * @return this
   */
  public StandaloneContext with(ResourceId id, Object status) {
    identities.put(id.reference(), id);
    return with(id.kind(), id.name(), status);
  }

  /**
   * Makes dependencies READY.
   *
   * @param all their statuses
   * @return this
   */
  public StandaloneContext with(Map<Reference, Object> all) {
    statuses.putAll(all);
    return this;
  }

  /**
   * Lends another driver's capability.
   *
   * @param kind the kind that driver is for
   * @param capability the capability
   * @return this
   */
  public StandaloneContext lending(String kind, Object capability) {
    capabilities.computeIfAbsent(kind, k -> new ArrayList<>()).add(capability);
    return this;
  }

  /**
   * Crashes at a point: point {@code 2n} is before the n-th step, {@code 2n + 1} after it.
   *
   * @param point the point, from 0
   * @return this
   */
  public StandaloneContext crashAt(int point) {
    crashPoint = point;
    return this;
  }

  /**
   * Ends the whole process at a point, as {@code kill -9} does.
   *
   * @param point the point, counted as {@link #crashAt} does
   * @return this
   */
  public StandaloneContext haltAt(int point) {
    halt = true;
    return crashAt(point);
  }

  /**
   * Lets the deadline pass before a step.
   *
   * @param step the step, from 0
   * @return this
   */
  public StandaloneContext expireBefore(int step) {
    expiryStep = step;
    return this;
  }

  /**
   * Fails with EXHAUSTED in a step instead of running it.
   *
   * @param step the step, from 0
   * @return this
   */
  public StandaloneContext exhaustedIn(int step) {
    failingStep = step;
    return this;
  }

  /**
   * Cancels before a step.
   *
   * @param step the step, from 0
   * @return this
   */
  public StandaloneContext cancelBefore(int step) {
    cancelStep = step;
    return this;
  }

  /**
   * Interrupts the thread when a step begins, as an agent does that cancels.
   *
   * @param step the step, from 0
   * @return this
   */
  public StandaloneContext interruptIn(int step) {
    interruptStep = step;
    return this;
  }

  /**
   * Lets somebody else do something right before a step.
   *
   * @param step the step's name
   * @param deed what is done, on the driver's thread
   * @return this
   */
  public StandaloneContext before(String step, Runnable deed) {
    deeds.put(step, deed);
    return this;
  }

  /**
   * Lets somebody else do something right before a step.
   *
   * @param step the step, from 0
   * @param what what is done, on the driver's thread
   * @return this
   */
  public StandaloneContext before(int step, Runnable what) {
    deedStep = step;
    deed = what;
    return this;
  }

  /**
   * Lists the steps that were begun.
   *
   * @return their names, in order
   */
  public List<String> steps() {
    return List.copyOf(steps);
  }

  /**
   * Tells whether a step was refused because the operation was cancelled or its time was over.
   *
   * @return whether a driver that obeys must have failed
   */
  public boolean refused() {
    return refused;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    int step = steps.size();
    requireGoing(step, name);
    deeds.getOrDefault(name, () -> {}).run();
    if (step == deedStep) {
      deed.run();
    }
    steps.add(name);
    crash("before " + name);
    if (step == failingStep) {
      throw new N0Exception(N0Exception.Code.EXHAUSTED, name, name + ": no space left");
    }
    if (step == interruptStep) {
      Thread.currentThread().interrupt();
    }
    R result = run(name, body);
    crash("after " + name);
    return result;
  }

  @Override
  public void step(String name, Action body) {
    step(name, () -> {
      body.run();
      return Boolean.TRUE;
    });
  }

  private void requireGoing(int step, String name) {
    expired |= step == expiryStep;
    refused |= step == cancelStep || remaining().isZero();
    if (step == cancelStep) {
      throw new N0Exception(N0Exception.Code.CANCELLED, name, name + ": cancelled");
    }
    if (remaining().isZero()) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, name, name + ": the deadline has passed");
    }
  }

  @SuppressWarnings(
      "IllegalCatch") // the one place that may: it turns whatever a step throws into ours
  private static <R> R run(String name, Step<R> body) {
    try {
      return body.run();
    } catch (RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(name, e);
    } catch (Exception e) {
      throw new N0Exception(N0Exception.Code.INTERNAL, name, name + ": " + e.getMessage(), e);
    }
  }

  private void crash(String where) {
    if (points++ == crashPoint) {
      if (halt) {
        Runtime.getRuntime().halt(CrashingProcess.CRASHED);
      }
      throw new SimulatedCrash(where);
    }
  }

  @Override
  public void progress(double fraction, String message) {
    if (fraction < 0 || fraction > 1) {
      throw new IllegalArgumentException("fraction " + fraction + " is outside 0 to 1");
    }
  }

  @Override
  public Duration remaining() {
    return expired ? Duration.ZERO : Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    Reference reference = new Reference(kind, name);
    Object found = statuses.get(reference);
    if (found == null) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          reference.toString(),
          "require " + reference + ": there is none");
    }
    return status.cast(found);
  }

  @Override
  public Optional<ResourceId> identify(String kind, String name) {
    return Optional.ofNullable(identities.get(new Reference(kind, name)));
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return capabilities.getOrDefault(kind, List.of()).stream()
        .filter(type::isInstance)
        .map(type::cast)
        .findFirst();
  }
}
