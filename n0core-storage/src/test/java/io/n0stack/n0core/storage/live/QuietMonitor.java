package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** The way to a real QEMU whose guest can be frozen, and a note of what is done meanwhile. */
final class QuietMonitor implements BlockMonitor {
  private final BlockMonitor real;
  private final List<String> whileQuiet = new CopyOnWriteArrayList<>();
  private volatile boolean quiet;
  private volatile boolean agrees = true;

  QuietMonitor(BlockMonitor real) {
    this.real = real;
  }

  /** Lets the guest's agent refuse from now on. */
  void refuse() {
    agrees = false;
  }

  /** Lists the commands that QEMU was sent while the guest was frozen. */
  List<String> whileQuiet() {
    return whileQuiet;
  }

  @Override
  public BlockUse use(Path file, Duration timeout) {
    return real.use(file, timeout);
  }

  @Override
  public BlockSession connect(ResourceId machine, Duration timeout) {
    BlockSession session = real.connect(machine, timeout);
    return new BlockSession() {
      @Override
      public QemuCapabilities capabilities() {
        return session.capabilities();
      }

      @Override
      public String execute(String command, Map<String, ?> arguments, Duration deadline) {
        if (quiet) {
          whileQuiet.add(command);
        }
        return session.execute(command, arguments, deadline);
      }

      @Override
      public boolean quietly(Duration limit, Runnable work) {
        quiet = agrees;
        try {
          work.run();
        } finally {
          quiet = false;
        }
        return agrees;
      }

      @Override
      public BlockEvents events(int capacity) {
        return session.events(capacity);
      }

      @Override
      public void close() {
        session.close();
      }
    };
  }
}
