package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReception.Disks;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.compute.MigrationTls;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.device.Devices;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.power.Startup;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Seeds;
import io.n0stack.n0core.kvm.internal.process.SpecRules;
import io.n0stack.n0core.kvm.internal.record.Boot;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The side of a migration that the machine comes to. */
final class MigrationDestination implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationDestination.class);
  // No longer than the name by which KvmConfig measures whether socket paths fit.
  private static final String MEMORY_SOCKET = "ram";
  private static final String DISK_SOCKET = "nbd";
  private static final String ANY_PORT = "0";
  private static final int LOOK_MILLIS = 1;

  private final QemuProcess qemu;
  private final Limits limits;
  private final SpecRules rules;
  private final Map<UUID, Waiting> waiting = new ConcurrentHashMap<>();

  MigrationDestination(QemuProcess qemu, Limits limits, SpecRules rules) {
    this.qemu = qemu;
    this.limits = limits;
    this.rules = rules;
  }

  void expect(Moving moving, MigrationOffer offer) {
    Board board = Board.decode(offer.board());
    if (!board.record().id().equals(offer.machine())
        || !board.record().spec().equals(offer.spec())) {
      throw N0Exception.invalid(
          "board", offer.board(), "must belong to the offer's machine and spec");
    }
    rules.check(offer.spec());
    MachineDirectory directory = moving.directory();
    if (directory.deleting()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          offer.machine().toString(),
          "expect " + offer.machine() + ": its deletion here was cut short; delete it first");
    }
    if (directory.read().isEmpty()) {
      requireStamp(offer.machine(), directory);
      // All at once: without the second file it would be a machine that may be started.
      directory.reserve(
          board.record(),
          Map.of(
              Moving.FILE, Handover.none().firstExpected().encode(),
              Moving.BOARD, offer.board(),
              MachineDirectory.TYPE, board.type()));
      return;
    }
    Handover now = moving.require();
    if (now.settled()) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          offer.machine().toString(),
          "expect " + offer.machine() + ": it is here and has not left");
    }
    requireSure(moving, now);
    Handover expected = now.expected();
    moving.writeBoard(offer.board());
    directory.replace(board.record());
    directory.recordType(board.type());
    moving.write(expected);
  }

  private static void requireStamp(ResourceId id, MachineDirectory directory) {
    directory.bare().filter(stamp -> !stamp.equals(id)).ifPresent(stamp -> {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "expect " + id + ": uid " + id.uid() + " is stamped " + stamp);
    });
  }

  /** What is on record of the machine follows the board; an expectation may have died between the files. */
  private static Board board(Moving moving) {
    Board board = Board.decode(moving.board());
    MachineDirectory directory = moving.directory();
    if (!directory.read().equals(Optional.of(board.record()))) {
      directory.replace(board.record());
    }
    if (!directory.type().equals(Optional.of(board.type()))) {
      directory.recordType(board.type());
    }
    return board;
  }

  MigrationTerms prepare(Context cx, Moving moving, MigrationReception reception) {
    reception.tls().ifPresent(tls -> TlsObjects.requireFiles(tls, "server"));
    UUID token = UUID.randomUUID();
    Handover now = moving.require();
    Handover expected = now.expectedAgain();
    requireSure(moving, now);
    Handover incoming = expected.incoming(token, Boot.id());
    MachineDirectory directory = moving.directory();
    Board board = board(moving);
    Devices devices = Devices.all(cx, board.record());
    // What an earlier attempt has brought must not be there under the new token.
    cx.step("refuse the token before", () -> moving.write(expected));
    forget(moving);
    for (Run run : directory.runs()) {
      cx.step("end qemu", () -> qemu.within(cx.remaining()).end(moving.id(), run));
    }
    cx.step("note the token", () -> moving.write(incoming));
    // The other record, which only needs to be put in force while the guest stands still.
    moving.writeNext(incoming.taking(MachineState.RUNNING));
    Seeds.write(cx, directory, board.record());
    Run run = cx.step(
        "launch qemu",
        () -> qemu.within(cx.remaining())
            .launchIncoming(directory, board.record(), board.accelerator()));
    try (Monitor monitor = qemu.within(cx.remaining()).connect(moving.id(), run)) {
      run.linkMonitors();
      Startup.admit(cx, directory, board.record().spec());
      devices.plug(monitor);
      return cx.step("listen", () -> {
        reception.tls().ifPresent(tls -> TlsObjects.create(monitor, tls, "server"));
        keep(moving, token, run);
        MigrationAddress memory = listen(monitor, run, reception);
        return new MigrationTerms(
            token,
            memory,
            export(monitor, run, reception, Mirrors.copied(board.record().spec())));
      });
    }
  }

  private void keep(Moving moving, UUID token, Run run) {
    Waiting fresh = new Waiting(moving.id(), token, run, qemu.connect(moving.id(), run));
    waiting.put(moving.id().uid(), fresh);
  }

  private void forget(Moving moving) {
    Waiting old = waiting.remove(moving.id().uid());
    if (old != null) {
      old.close();
    }
    // Those of machines that were deleted meanwhile.
    waiting.values().stream()
        .filter(other -> other.run().alive().isEmpty())
        .toList()
        .forEach(other -> {
          if (waiting.values().remove(other)) {
            other.close();
          }
        });
  }

  @Override
  public void close() {
    waiting.values().forEach(Waiting::close);
    waiting.clear();
  }

  private static void requireSure(Moving moving, Handover now) {
    if (now.unsure(Boot.id())) {
      throw unsure(moving);
    }
  }

  private static N0Exception unsure(Moving moving) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION,
        moving.id().toString(),
        "receive " + moving.id()
            + ": this host was restarted as it waited for it, and it may have run here for"
            + " a moment; settle it on its source, or delete it here if it goes on there");
  }

  private static MigrationAddress listen(Monitor monitor, Run run, MigrationReception reception) {
    monitor.execute(
        "migrate-set-capabilities",
        Map.of(
            "capabilities",
            List.of(
                Map.of("capability", "events", "state", true),
                // The source can have its disks back until the guest runs here.
                Map.of("capability", "late-block-activate", "state", true))));
    if (reception.host().isEmpty()) {
      MigrationAddress.Unix socket =
          new MigrationAddress.Unix(run.directory().resolve(MEMORY_SOCKET));
      monitor.execute("migrate-incoming", Map.of("uri", Sender.uri(socket)));
      return socket;
    }
    if (reception.tls().isPresent()) {
      Map<String, Object> tls = new HashMap<>();
      tls.put("tls-creds", TlsObjects.CREDENTIALS);
      tls.put("tls-authz", authorisation(reception));
      monitor.execute("migrate-set-parameters", tls);
    }
    String host = reception.host().get();
    monitor.execute(
        "migrate-incoming", Map.of("uri", "tcp:" + Sender.bracketed(host) + ":" + ANY_PORT));
    String port =
        monitor.execute("query-migrate").list("/socket-address").get(0).text("/port");
    return new MigrationAddress.Tcp(host, Integer.parseInt(port));
  }

  private static String authorisation(MigrationReception reception) {
    return reception.tls().flatMap(MigrationTls::peer).isPresent() ? TlsObjects.AUTHORISATION : "";
  }

  private static Optional<MigrationAddress> export(
      Monitor monitor, Run run, MigrationReception reception, List<Disk> disks) throws IOException {
    if (reception.disks() == Disks.SHARED) {
      return Optional.empty();
    }
    long pid = run.alive().orElseThrow();
    Set<Integer> before = ListeningPorts.of(pid);
    Map<String, Object> server = new HashMap<>();
    MigrationAddress address = new MigrationAddress.Unix(run.directory().resolve(DISK_SOCKET));
    if (reception.host().isEmpty()) {
      server.put(
          "addr",
          Map.of(
              "type",
              "unix",
              "data",
              Map.of("path", run.directory().resolve(DISK_SOCKET).toString())));
      monitor.execute("nbd-server-start", server);
    } else {
      DurableFiles.create(run.directory().resolve(DISK_SOCKET), "");
      String host = reception.host().get();
      server.put("addr", Map.of("type", "inet", "data", Map.of("host", host, "port", ANY_PORT)));
      if (reception.tls().isPresent()) {
        server.put("tls-creds", TlsObjects.CREDENTIALS);
        if (!authorisation(reception).isEmpty()) {
          server.put("tls-authz", TlsObjects.AUTHORISATION);
        }
      }
      monitor.execute("nbd-server-start", server);
      Set<Integer> now = new HashSet<>(ListeningPorts.of(pid));
      now.removeAll(before);
      address = new MigrationAddress.Tcp(host, only(now));
    }
    for (Disk disk : disks) {
      Map<String, Object> export = new HashMap<>();
      export.put("type", "nbd");
      export.put("id", "move-" + disk.volume());
      export.put("node-name", Devices.nodeName(disk.volume()));
      export.put("name", disk.volume());
      export.put("writable", true);
      monitor.execute("block-export-add", export);
    }
    return Optional.of(address);
  }

  private static int only(Set<Integer> ports) {
    if (ports.size() != 1) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "nbd", "find the port of the NBD server: found " + ports);
    }
    return ports.iterator().next();
  }

  Verdict takeOver(Context cx, Moving moving, MigrationRelease release) {
    Waiting ready = waiting.get(moving.id().uid());
    if (ready != null
        && release.guest() == MachineState.RUNNING
        && ready.isFor(moving.id(), release)) {
      Handover now = moving.read();
      if (now.phase() == Phase.INCOMING
          && now.verdict(release.token()).isEmpty()
          && ready.arrived()
          && ready.alive()) {
        cx.step("take the machine", moving::promote);
        run(cx, moving, ready.run(), ready.monitor(), MachineState.RUNNING);
        forget(moving);
        return Verdict.TAKEN;
      }
    }
    return lookAndTake(cx, moving, release);
  }

  private Verdict lookAndTake(Context cx, Moving moving, MigrationRelease release) {
    Handover now = moving.require();
    Optional<Verdict> known = known(cx, moving, now, release.token());
    if (known.isPresent()) {
      return known.get();
    }
    Optional<Run> run = moving.alive();
    if (run.isEmpty() && now.unsure(Boot.id())) {
      // It may have run: what the source has is too old, if it has anything. It comes as one that
      // has crashed.
      cx.step("take the machine", () -> moving.write(now.taking(release.guest())));
      finish(cx, moving);
      return Verdict.TAKEN;
    }
    if (run.isEmpty()) {
      refuse(cx, moving);
      return Verdict.REFUSED;
    }
    try (Monitor monitor = qemu.within(cx.remaining()).connect(moving.id(), run.get())) {
      if (arrived(moving, run.get(), monitor, Limits.least(limits.launch(), cx.remaining()))) {
        take(cx, moving, run.get(), monitor, release.guest());
        return Verdict.TAKEN;
      }
    } catch (N0Exception e) {
      if (moving.read().phase() != Phase.INCOMING || run.get().alive().isPresent()) {
        throw e;
      }
      // It has died with what had arrived.
    }
    refuse(cx, moving);
    return Verdict.REFUSED;
  }

  /** Finds what was decided of a token, and makes sure that it stays so before anybody is told. */
  private Optional<Verdict> known(Context cx, Moving moving, Handover now, UUID token) {
    Optional<Verdict> known = now.verdict(token);
    if (known.isPresent()) {
      if (now.phase() == Phase.TAKING) {
        finish(cx, moving);
      }
      moving.sync();
    }
    return known;
  }

  /** Waits for the last of the memory; returns false if it will not come. */
  private static boolean arrived(Moving moving, Run run, Monitor monitor, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      String status = Carrier.migration(monitor);
      if (status.equals("completed")) {
        return true;
      }
      if (status.equals("failed") || status.equals("none") || run.alive().isEmpty()) {
        return false;
      }
      if (System.nanoTime() > end) {
        throw new OperationTimeoutException(
            "wait for the memory of " + moving.id() + ", which is " + status, limit);
      }
      Pauses.pause("wait for the memory of " + moving.id(), LOOK_MILLIS);
    }
  }

  private void take(Context cx, Moving moving, Run run, Monitor monitor, MachineState guest) {
    cx.step("take the machine", () -> moving.write(moving.read().taking(guest)));
    run(cx, moving, run, monitor, guest);
    forget(moving);
  }

  /** Goes on with a machine that was taken. Idempotent. */
  void finish(Context cx, Moving moving) {
    Handover taken = moving.read();
    Optional<Run> run = moving.alive();
    if (run.isEmpty()) {
      // It is ours and has crashed; whatever its policy says is done about that.
      cx.step("note that the machine has come", () -> come(moving));
    } else {
      try (Monitor monitor = qemu.within(cx.remaining()).connect(moving.id(), run.get())) {
        run(cx, moving, run.get(), monitor, taken.guest());
      }
    }
    forget(moving);
  }

  private void run(Context cx, Moving moving, Run run, Monitor monitor, MachineState guest) {
    cx.step("let the guest run", () -> {
      if (exports(run)) {
        // The guest's devices do not share their disks with others that may write.
        attempt(monitor, "nbd-server-stop", Map.of());
      }
      if (guest == MachineState.RUNNING) {
        Carrier.letRunAtOnce(monitor, limits.command());
        // Those who send to it must learn that it is here.
        attempt(
            monitor, "announce-self", Map.of("initial", 50, "max", 550, "rounds", 5, "step", 100));
      }
    });
    cx.step("note that the machine has come", () -> come(moving));
  }

  /** Says whether the launch has an NBD server: it has its socket, or an empty file in its place. */
  private static boolean exports(Run run) {
    return Files.exists(run.directory().resolve(DISK_SOCKET));
  }

  private static void come(Moving moving) {
    if (!moving.directory().started()) {
      moving.directory().markStarted();
    }
    moving.write(moving.read().owned());
    LOG.info("{}: has come", moving.id());
  }

  private static void attempt(Monitor monitor, String command, Map<String, ?> arguments) {
    try {
      monitor.execute(command, arguments);
    } catch (QmpException e) {
      LOG.debug("{}: {}", command, e.getMessage());
    }
  }

  Verdict refuse(Context cx, Moving moving, UUID token) {
    Handover now = moving.require();
    Optional<Verdict> known = known(cx, moving, now, token);
    if (known.isPresent()) {
      return known.get();
    }
    requireSure(moving, now);
    refuse(cx, moving);
    return Verdict.REFUSED;
  }

  private void refuse(Context cx, Moving moving) {
    cx.step("refuse the machine", () -> moving.write(moving.read().refusing()));
    forget(moving);
    cx.step("end qemu", () -> endWaiting(moving));
  }

  /** Ends what waited for a machine that will not come. Idempotent. */
  void endWaiting(Moving moving) {
    ResourceId id = moving.id();
    moving.alive().ifPresent(run -> qemu.end(id, run));
  }

  /** By a person's word: runs what has arrived. */
  void takeReleased(Context cx, Moving moving) {
    Handover now = moving.require();
    Optional<Run> run = moving.alive();
    if (now.phase() != Phase.INCOMING || run.isEmpty()) {
      throw notArrived(moving, now);
    }
    try (Monitor monitor = qemu.within(cx.remaining()).connect(moving.id(), run.get())) {
      if (!Carrier.migration(monitor).equals("completed")) {
        throw notArrived(moving, now);
      }
      take(cx, moving, run.get(), monitor, MachineState.RUNNING);
    }
  }

  private static N0Exception notArrived(Moving moving, Handover now) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION,
        moving.id().toString(),
        "take over " + moving.id() + ": it is " + now.phase() + ", and its memory is not here");
  }

  /** By a person's word: gives the place free to be booted from its disks. */
  void inherit(Context cx, Moving moving) {
    Handover free = moving.require().inherited();
    // Nobody may take over what is about to end.
    cx.step("refuse the token before", () -> moving.write(moving.read().expectedAgain()));
    forget(moving);
    cx.step("end qemu", () -> endWaiting(moving));
    cx.step("note that the machine is here", () -> moving.write(free));
  }
}
