package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs commands, each with the same deadline. */
record Call(Wire wire, Duration deadline) {
  static final Logger LOG = LoggerFactory.getLogger(Qapi.class);

  /** What carries a command to QEMU. */
  interface Wire {
    QmpResult execute(String command, Map<String, ?> arguments, Duration deadline);

    Subscription subscribe(Executor executor, QmpListener listener);
  }

  /** A connected client. */
  record ClientWire(QmpClient client) implements Wire {
    @Override
    public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
      return client.execute(command, arguments, deadline);
    }

    @Override
    public Subscription subscribe(Executor executor, QmpListener listener) {
      return client.subscribe(executor, listener);
    }
  }

  QmpResult run(String command) {
    return wire.execute(command, Map.of(), deadline);
  }

  QmpResult run(String command, Args arguments) {
    return wire.execute(command, arguments.map(), deadline);
  }
}
