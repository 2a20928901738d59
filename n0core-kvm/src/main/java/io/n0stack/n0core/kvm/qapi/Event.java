package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;

/**
 * Something that QEMU reported by itself. QEMU sends some kinds once per second at most, the last
 * state winning; after a connection was made, states have to be queried.
 *
 * @since 0.1
 */
public sealed interface Event
    permits RunEvent, BlockEvent, JobEvent, DeviceEvent, MigrationEvent, DisplayEvent, Event.Other {
  /**
   * Returns QEMU's clock when it happened.
   *
   * @return the time
   */
  Instant at();

  /**
   * Finds the record for an event. Never throws: what is not known or not of the known form is {@link
   * Other}.
   *
   * @param event what the client heard
   * @return the same with types
   */
  static Event of(QmpEvent event) {
    return EventDecoder.decode(event);
  }

  /**
   * An event that a newer QEMU added.
   *
   * @param name its name
   * @param data its data
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  record Other(String name, QmpResult data, Instant at) implements Event {}
}
