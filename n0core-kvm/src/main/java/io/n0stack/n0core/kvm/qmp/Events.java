package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.Subscription;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * One listener's bounded queue. Events that only tell a state replace what waits of the same state; where
 * the queue was full, a mark with the number of the events dropped takes their place.
 */
final class Events implements Subscription {
  static final int LIMIT = 1024;

  /** Those that QEMU itself limits to one a second, and so coalesces, and their like. */
  private static final Set<String> STATES = Set.of(
      "ACPI_DEVICE_OST",
      "BALLOON_CHANGE",
      "HV_BALLOON_STATUS_REPORT",
      "MEMORY_DEVICE_SIZE_CHANGE",
      "MIGRATION_PASS",
      "QUORUM_FAILURE",
      "QUORUM_REPORT_BAD",
      "RTC_CHANGE",
      "VSERPORT_CHANGE",
      "WATCHDOG");

  /** Which of its data tell whose state an event is. */
  private static final Set<String> SUBJECTS =
      Set.of("/id", "/qom-path", "/node-name", "/reference", "/info/slot");

  private record State(String event, String subject) {}

  private final QmpListener listener;
  private final Delivery<Events> delivery;
  private final Executor hands;
  private final AtomicBoolean handing = new AtomicBoolean();
  // What is delivered, in order; the values are events or numbers of those lost.
  private final Map<Object, Object> waiting = new LinkedHashMap<>();
  private long lost;

  /**
   * Creates a queue.
   *
   * @param executor runs the listener
   * @param hands calls the executor, so that whoever reads the monitor does not
   */
  Events(Executor executor, QmpListener listener, Executor hands, Consumer<Events> onClose) {
    this.listener = listener;
    this.hands = hands;
    this.delivery = new Delivery<>(executor, Events::deliver, () -> onClose.accept(this));
  }

  void accept(QmpEvent event) {
    Object key = key(event);
    synchronized (this) {
      if (waiting.remove(key) == null) {
        if (waiting.size() >= LIMIT) {
          lost++;
          return;
        }
        offerLost();
        delivery.offer(this);
      }
      waiting.put(key, event);
    }
    handOver();
  }

  /** An executor may run the listener on the spot, or block: neither is for who reads. */
  private void handOver() {
    if (handing.compareAndSet(false, true)) {
      hands.execute(() -> {
        handing.set(false);
        delivery.dispatch();
      });
    }
  }

  private static Object key(QmpEvent event) {
    if (!STATES.contains(event.name())) {
      return new Object();
    }
    StringBuilder subject = new StringBuilder();
    for (String pointer : SUBJECTS) {
      event.data().find(pointer).ifPresent(found -> subject.append(found).append(' '));
    }
    return new State(event.name(), subject.toString());
  }

  private void deliver() {
    Object item;
    synchronized (this) {
      Iterator<Object> items = waiting.values().iterator();
      item = items.next();
      items.remove();
      if (waiting.isEmpty()) {
        offerLost(); // nothing may follow that would carry it
      }
    }
    if (item instanceof QmpEvent event) {
      listener.event(event);
    } else if (item instanceof Long count) {
      listener.lost(count);
    }
  }

  private void offerLost() {
    if (lost > 0) {
      waiting.put(new Object(), lost);
      delivery.offer(this);
      lost = 0;
    }
  }

  @Override
  public void close() {
    delivery.close();
  }
}
