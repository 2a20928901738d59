package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** The way to a real QEMU, whose flattening is slow from its first byte on: told later, it may have ended. */
record SlowMonitor(BlockMonitor real, long bytesPerSecond) implements BlockMonitor {
  @Override
  public BlockUse use(Path file, Duration timeout) {
    return real.use(file, timeout);
  }

  @Override
  public BlockSession connect(ResourceId machine, Duration timeout) {
    return new ForwardingSession(real.connect(machine, timeout)) {
      @Override
      public String execute(String command, Map<String, ?> arguments, Duration deadline) {
        Map<String, Object> all = new HashMap<>(arguments);
        if (command.equals("block-stream")) {
          all.put("speed", bytesPerSecond);
        }
        return super.execute(command, all, deadline);
      }
    };
  }
}
