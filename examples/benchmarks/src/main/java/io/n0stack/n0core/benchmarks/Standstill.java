package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * When a machine stopped and ran again, by the clock of its QEMU's own events, heard on a monitor of their own. A
 * machine that moves has a QEMU on each side, and so two of these.
 */
final class Standstill implements AutoCloseable, QmpListener {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final BlockingQueue<QmpEvent> heard = new LinkedBlockingQueue<>();
  private final QmpClient client;
  private final Subscription subscription;

  /** Connects to the last that listened at a path. */
  Standstill(Path socket) {
    client = QmpClient.connect(socket, LIMIT);
    subscription = client.subscribe(Runnable::run, this);
  }

  @Override
  public void event(QmpEvent event) {
    heard.add(event);
  }

  @Override
  public void lost(long count) {
    throw new IllegalStateException(count + " events were lost");
  }

  /** Returns when something happened, once it has. */
  Instant at(String name) throws IOException, InterruptedException {
    while (true) {
      QmpEvent event = heard.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
      if (event == null) {
        throw new IOException("QEMU was not heard to say " + name);
      }
      if (event.name().equals(name)) {
        return event.at();
      }
    }
  }

  @Override
  public void close() {
    subscription.close();
    client.close();
  }
}
