package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.time.Duration;
import java.util.Map;

/** A session of a real QEMU, for those that change one thing about it. */
abstract class ForwardingSession implements BlockSession {
  final BlockSession session;

  ForwardingSession(BlockSession session) {
    this.session = session;
  }

  @Override
  public QemuCapabilities capabilities() {
    return session.capabilities();
  }

  @Override
  public String execute(String command, Map<String, ?> arguments, Duration deadline) {
    return session.execute(command, arguments, deadline);
  }

  @Override
  public BlockEvents events(int capacity) {
    return session.events(capacity);
  }

  @Override
  public void close() {
    session.close();
  }
}
