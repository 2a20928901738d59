package io.n0stack.n0core.kvm;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A real QEMU that no driver has started, whose guest waits. */
public final class WaitingQemu {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private WaitingQemu() {}

  /**
   * Starts one with the monitors and the pid file of a launch; its sockets are there on return, but nobody need listen at the
   * second one yet.
   */
  public static Process start(Run run, String... more) throws IOException {
    List<String> command =
        new ArrayList<>(List.of("qemu-system-x86_64", "-nodefaults", "-S", "-display", "none"));
    for (var socket : List.of(run.monitor(), run.rescueMonitor())) {
      command.addAll(List.of("-qmp", "unix:" + socket + ",server=on,wait=off"));
    }
    command.addAll(List.of("-pidfile", run.pidFile().toString()));
    command.addAll(List.of(more));
    Process process = new ProcessBuilder(command).inheritIO().start();
    boolean ready = false;
    try {
      await().atMost(LIMIT).until(() -> Files.exists(run.rescueMonitor()));
      ready = true;
      return process;
    } finally {
      if (!ready) {
        process.destroyForcibly();
      }
    }
  }
}
