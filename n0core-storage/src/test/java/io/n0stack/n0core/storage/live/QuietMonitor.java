package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
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
    return new ForwardingSession(real.connect(machine, timeout)) {
      @Override
      public String execute(String command, Map<String, ?> arguments, Duration deadline) {
        if (quiet) {
          whileQuiet.add(command);
        }
        return super.execute(command, arguments, deadline);
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
    };
  }
}
