package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The copying of a guest's disks to where its memory goes: each write is done on both sides before it is answered. */
final class Mirrors {
  static final String PREFIX = "mirror-";
  // In case an event is lost; otherwise only for the progress.
  private static final int LOOK_MILLIS = 50;

  private final String machine;
  private final Monitor monitor;

  Mirrors(String machine, Monitor monitor) {
    this.machine = machine;
    this.monitor = monitor;
  }

  /** Lists the disks that are copied: what nobody writes is there already, like the media of drives. */
  static List<Disk> copied(MachineSpec spec) {
    return spec.disks().stream()
        .filter(disk -> disk.model().filter(DiskModel.CDROM::equals).isEmpty())
        .toList();
  }

  void start(
      Context cx, MachineSpec spec, MigrationAddress to, MigrationOptions options, long process) {
    int index = 0;
    for (Disk disk : copied(spec)) {
      String name = PREFIX + index++;
      Map<String, Object> node = new HashMap<>();
      node.put("driver", "nbd");
      node.put("node-name", name);
      node.put("export", disk.volume());
      options.tls().ifPresent(tls -> node.put("tls-creds", TlsObjects.CREDENTIALS));
      options.tls().ifPresent(tls -> node.put("tls-hostname", TlsObjects.host(tls, to)));
      connect(cx, node, to, options.mostSilence(), process);
      Map<String, Object> job = new HashMap<>();
      job.put("job-id", name);
      job.put("device", root(disk.volume()));
      job.put("target", name);
      job.put("sync", "full");
      job.put("copy-mode", "write-blocking");
      job.put("auto-dismiss", false); // or nobody could see how it ended
      monitor.execute("blockdev-mirror", job);
    }
  }

  private void connect(
      Context cx,
      Map<String, Object> node,
      MigrationAddress to,
      Duration mostSilence,
      long process) {
    if (to instanceof MigrationAddress.Tcp tcp) {
      String name = String.valueOf(node.get("node-name"));
      node.put("server", Map.of("type", "fd", "str", name));
      try (Dialed dialed = Dialed.dial(cx, tcp, process, mostSilence)) {
        dialed.lend(monitor, name, () -> monitor.execute("blockdev-add", node));
      }
    } else if (to instanceof MigrationAddress.Unix unix) {
      node.put("server", Map.of("type", "unix", "path", unix.path().toString()));
      monitor.execute("blockdev-add", node);
    } else {
      throw new IllegalArgumentException("address " + to);
    }
  }

  /** Finds what a disk's topmost layer is called now; a live snapshot may have put another on top. */
  private String root(String volume) {
    return monitor.execute("query-block").list("").stream()
        .filter(block -> BlockDevices.belongs(block, "disk-" + volume))
        .map(block -> block.text("/inserted/node-name"))
        .findFirst()
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            "disk",
            "copy disk \"" + volume + "\" of machine \"" + machine + "\": it is not plugged in"));
  }

  /**
   * Waits until both sides are alike.
   *
   * @throws N0Exception UNAVAILABLE if copying failed or nothing has moved for too long; CANCELLED or UNAVAILABLE as the
   *     context says
   */
  void awaitReady(Context cx, Duration mostSilence) {
    Pulse pulse = new Pulse("disks", "copy the disks of " + machine, mostSilence);
    try (JobNews news = new JobNews(monitor)) {
      while (true) {
        List<QmpResult> all = jobs(pulse.ask(monitor, "query-jobs", cx.remaining()));
        all.forEach(Mirrors::requireNoError);
        if (all.stream().allMatch(job -> job.text("/status").equals("ready"))) {
          return;
        }
        report(cx, all);
        pulse.seen(all.stream().map(Mirrors::movement).toList());
        news.await("copy the disks of " + machine, LOOK_MILLIS);
      }
    }
  }

  private static List<Object> movement(QmpResult job) {
    return List.of(
        job.text("/id"),
        job.text("/status"),
        job.number("/current-progress"),
        job.number("/total-progress"));
  }

  private static void report(Context cx, List<QmpResult> jobs) {
    long done = jobs.stream().mapToLong(job -> job.number("/current-progress")).sum();
    long all = jobs.stream().mapToLong(job -> job.number("/total-progress")).sum();
    cx.progress(
        Math.min(1, (double) done / Math.max(1, all)),
        "copying the disks: " + ((all - done) >> 20) + " MiB left");
  }

  /**
   * Ends the copying of a guest that stands still; both sides are alike then. The jobs, which have concluded, stay until
   * they are {@link #drop}ped or their QEMU ends.
   */
  void finish(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    try (JobNews news = new JobNews(monitor)) {
      List<QmpResult> all = jobs();
      all.forEach(Mirrors::requireReady);
      all.forEach(job ->
          monitor.execute("block-job-cancel", Map.of("device", job.text("/id"), "force", false)));
      while (!concluded()) {
        if (System.nanoTime() > end) {
          throw failure("it did not end in time");
        }
        news.await("finish the disks of " + machine, LOOK_MILLIS);
      }
    }
  }

  private boolean concluded() {
    List<QmpResult> all = jobs();
    all.forEach(Mirrors::requireNoError);
    return all.stream().allMatch(job -> job.text("/status").equals("concluded"));
  }

  /** Gives the copying up. Idempotent. */
  void drop(Duration limit) {
    boolean gone = Pauses.until("give up the disks of " + machine, limit, () -> {
      List<QmpResult> all = jobs();
      for (QmpResult job : all) {
        if (job.text("/status").equals("concluded")) {
          attempt("job-dismiss", Map.of("id", job.text("/id")));
        } else {
          attempt("block-job-cancel", Map.of("device", job.text("/id"), "force", true));
        }
      }
      return all.isEmpty();
    });
    if (!gone) {
      throw failure("it does not end");
    }
    for (String node : monitor.blockNodes()) {
      if (node.startsWith(PREFIX)) {
        attempt("blockdev-del", Map.of("node-name", node));
      }
    }
  }

  private void attempt(String command, Map<String, ?> arguments) {
    try {
      monitor.execute(command, arguments);
    } catch (QmpException e) {
      // It has come farther since we looked; the next look tells.
    }
  }

  private List<QmpResult> jobs() {
    return jobs(monitor.execute("query-jobs"));
  }

  private static List<QmpResult> jobs(QmpResult all) {
    return all.list("").stream()
        .filter(job -> job.text("/id").startsWith(PREFIX))
        .toList();
  }

  private static void requireReady(QmpResult job) {
    requireNoError(job);
    if (!job.text("/status").equals("ready")) {
      throw failure("it is " + job.text("/status"));
    }
  }

  private static void requireNoError(QmpResult job) {
    if (job.find("/error").isPresent()) {
      throw failure(job.text("/error"));
    }
    if (job.text("/status").equals("aborting")) {
      throw failure("it is aborting");
    }
  }

  private static N0Exception failure(String why) {
    return new N0Exception(N0Exception.Code.UNAVAILABLE, "disks", "copy the disks: " + why);
  }
}
