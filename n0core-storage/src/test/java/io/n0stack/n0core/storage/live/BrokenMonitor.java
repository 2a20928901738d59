package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** The way to a real QEMU, which breaks once, at one command. */
final class BrokenMonitor implements BlockMonitor {
  /** How it breaks. */
  enum Break {
    /** The line is dead before the command is sent. */
    NOT_SENT,
    /** The command is sent and never arrives. */
    LOST_UNDONE,
    /** The command is done and its answer is lost. */
    LOST_DONE,
    /** The process dies before the command is sent. */
    DIES_BEFORE,
    /** The process dies after the command is done. */
    DIES_AFTER;

    boolean dies() {
      return this == DIES_BEFORE || this == DIES_AFTER;
    }
  }

  /** What is thrown in place of the death of the process. */
  static final class Death extends Error {
    private static final long serialVersionUID = 1L;
  }

  private final BlockMonitor real;
  private final Break how;
  private final AtomicInteger left;

  BrokenMonitor(BlockMonitor real, Break how, int command) {
    this.real = real;
    this.how = how;
    this.left = new AtomicInteger(command);
  }

  boolean hasBroken() {
    return left.get() <= 0;
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
        // To lose the answer to a question is to lose the question, and to die at one is to die
        // after
        // the change before it.
        boolean counts = how == Break.NOT_SENT || !command.contains("query-");
        if (counts && left.decrementAndGet() == 0) {
          return breakAt(session, command, arguments, deadline);
        }
        return super.execute(command, arguments, deadline);
      }
    };
  }

  private String breakAt(
      BlockSession session, String command, Map<String, ?> arguments, Duration deadline) {
    if (how == Break.LOST_DONE || how == Break.DIES_AFTER) {
      session.execute(command, arguments, deadline);
    }
    session.close();
    if (how.dies()) {
      throw new Death();
    }
    if (how == Break.NOT_SENT) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "monitor", command + ": the line is dead");
    }
    throw new UnknownOutcomeException(command, new IOException("the line broke"));
  }
}
