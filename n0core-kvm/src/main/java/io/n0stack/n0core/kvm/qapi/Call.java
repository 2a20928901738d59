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

    /** Hands a descriptor of this process over with the command; QEMU gets a duplicate. */
    QmpResult lend(String command, Map<String, ?> arguments, int descriptor, Duration deadline);

    /** Runs a command even if others keep QEMU's main loop busy, where the monitor can. */
    QmpResult urge(String command, Map<String, ?> arguments, Duration deadline);

    Subscription subscribe(Executor executor, QmpListener listener);
  }

  /** A connected client. */
  record ClientWire(QmpClient client) implements Wire {
    @Override
    public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
      return client.execute(command, arguments, deadline);
    }

    @Override
    public QmpResult lend(
        String command, Map<String, ?> arguments, int descriptor, Duration deadline) {
      return client.executeWithDescriptor(command, arguments, descriptor, deadline);
    }

    @Override
    public QmpResult urge(String command, Map<String, ?> arguments, Duration deadline) {
      return client.outOfBand()
          ? client.executeOutOfBand(command, arguments, deadline)
          : client.execute(command, arguments, deadline);
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

  QmpResult lend(String command, Args arguments, int descriptor) {
    return wire.lend(command, arguments.map(), descriptor, deadline);
  }

  QmpResult urge(String command, Args arguments) {
    return wire.urge(command, arguments.map(), deadline);
  }
}
