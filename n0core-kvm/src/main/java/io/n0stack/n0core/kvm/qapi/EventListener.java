package io.n0stack.n0core.kvm.qapi;

/**
 * Hears of events, in order, one at a time.
 *
 * @since 0.1
 */
public interface EventListener {
  /**
   * Is told of an event.
   *
   * @param event the event
   */
  void event(Event event);

  /**
   * Is told that events were dropped at this place, because the listener was too slow. What they
   * would have said must be queried.
   *
   * @param count how many
   */
  void lost(long count);
}
