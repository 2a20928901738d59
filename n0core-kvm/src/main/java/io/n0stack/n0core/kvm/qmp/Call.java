package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A command on its way: what it is called by, and its answer. Thread-safe. */
final class Call {
  private final String id;
  private final String command;
  private final @Nullable Consumer<Call> whenDone;
  private volatile @Nullable Thread waiter;
  private volatile boolean done;
  private byte @Nullable [] answer;
  private @Nullable IOException failure;

  /** Creates a call; {@code whenDone} is called by who reads, and so must be quick. */
  Call(String id, String command, @Nullable Consumer<Call> whenDone) {
    this.id = id;
    this.command = command;
    this.whenDone = whenDone;
  }

  String id() {
    return id;
  }

  String command() {
    return command;
  }

  boolean done() {
    return done;
  }

  /** Makes the current thread the one that is woken when the call is done. */
  void awaitBy(Thread thread) {
    waiter = thread;
  }

  /** Wakes the waiting thread, if there is one. */
  boolean wake() {
    Thread thread = waiter;
    if (thread == null || done) {
      return false;
    }
    LockSupport.unpark(thread);
    return true;
  }

  void answer(byte[] line) {
    answer = line;
    finish();
  }

  void fail(IOException reason) {
    failure = reason;
    finish();
  }

  private void finish() {
    done = true;
    if (whenDone != null) {
      whenDone.accept(this);
    }
    Thread thread = waiter;
    if (thread != null && thread != Thread.currentThread()) {
      LockSupport.unpark(thread);
    }
  }

  /** Returns the line that QEMU sent; to be called once it is done. */
  byte[] line() throws IOException {
    IOException reason = failure;
    if (reason != null) {
      throw reason;
    }
    byte[] line = answer;
    return line == null ? new byte[0] : line;
  }
}
