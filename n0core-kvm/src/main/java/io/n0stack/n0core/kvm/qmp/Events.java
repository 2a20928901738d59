package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.Subscription;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** One listener's bounded queue; an item is an event or, where some were dropped, their number. */
final class Events implements Subscription {
  static final int LIMIT = 1024;

  private record Item(Optional<QmpEvent> event, long lost) {}

  private final QmpListener listener;
  private final Delivery<Item> delivery;
  private int waiting;
  private long lost;

  Events(Executor executor, QmpListener listener, Consumer<Events> onClose) {
    this.listener = listener;
    this.delivery = new Delivery<>(executor, this::deliver, () -> onClose.accept(this));
  }

  void accept(QmpEvent event) {
    synchronized (this) {
      if (waiting >= LIMIT) {
        lost++;
        return;
      }
      offerLost();
      waiting++;
      delivery.offer(new Item(Optional.of(event), 0));
    }
    delivery.dispatch();
  }

  private void deliver(Item item) {
    synchronized (this) {
      waiting--;
      if (waiting == 0) {
        offerLost(); // nothing may follow that would carry it
      }
    }
    if (item.event().isPresent()) {
      listener.event(item.event().get());
    } else {
      listener.lost(item.lost());
    }
  }

  private void offerLost() {
    if (lost > 0) {
      waiting++;
      delivery.offer(new Item(Optional.empty(), lost));
      lost = 0;
    }
  }

  @Override
  public void close() {
    delivery.close();
  }
}
