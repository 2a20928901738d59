package io.n0stack.n0core.membership.internal.view;

import io.n0stack.n0core.membership.HostPort;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;

/**
 * How many of those that it has only heard of a member calls: a few at once, then one for every probe,
 * however many there are. Used by one thread.
 */
public final class Pace {
  /** How many it calls at once. */
  public static final int AT_ONCE = 8;

  private final long eachNanos;
  private final LongSupplier clock;
  private long sinceNanos;
  private int allowed = AT_ONCE;

  /**
   * Begins with a few.
   *
   * @param each how much time passes for each that is added
   * @param clock tells the time in nanoseconds
   */
  public Pace(Duration each, LongSupplier clock) {
    this.eachNanos = each.toNanos();
    this.clock = clock;
    this.sinceNanos = clock.getAsLong();
  }

  /**
   * Chooses whom to call now, at random, so that all have their turn whoever is named first.
   *
   * @param strangers whom it has only heard of
   * @return whom to call now
   */
  public List<HostPort> some(List<HostPort> strangers) {
    long passed = (clock.getAsLong() - sinceNanos) / eachNanos;
    sinceNanos += passed * eachNanos;
    allowed = (int) Math.min(AT_ONCE, allowed + passed);
    List<HostPort> chosen = new ArrayList<>(strangers);
    Collections.shuffle(chosen, ThreadLocalRandom.current());
    List<HostPort> some = List.copyOf(chosen.subList(0, Math.min(allowed, chosen.size())));
    allowed -= some.size();
    return some;
  }
}
