package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.monitor.Movable;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The side of a migration that the machine leaves. */
final class MigrationSource {

  private static final Logger LOG = LoggerFactory.getLogger(MigrationSource.class);

  private final QemuProcess qemu;
  private final Limits limits;
  private final Monitors monitors;

  MigrationSource(QemuProcess qemu, Limits limits, Monitors monitors) {
    this.qemu = qemu;
    this.limits = limits;
    this.monitors = monitors;
  }

  /** A migration under way, and how far it has come. */
  private static final class Journey {
    final Moving moving;
    final Run run;
    final long process;
    final MigrationTerms terms;
    final MigrationOptions options;
    final MigrationTarget to;
    boolean given;

    Journey(
        Moving moving,
        Sight seen,
        MigrationTerms terms,
        MigrationOptions options,
        MigrationTarget to) {
      this.moving = moving;
      this.run = seen.run().orElseThrow();
      this.process = seen.pid().orElseThrow();
      this.terms = terms;
      this.options = options;
      this.to = to;
    }
  }

  MigrationReport migrate(
      Context cx,
      Moving moving,
      MigrationTerms terms,
      MigrationOptions options,
      MigrationTarget target) {
    options.tls().ifPresent(tls -> TlsObjects.requireFiles(tls, "client"));
    // Two connections take less time side by side.
    moving
        .directory()
        .runs()
        .forEach(
            run -> monitors.expectUrge(moving.id().name(), run, limits.within(cx.remaining())));
    Sight seen = running(moving, Limits.least(limits.monitor(), cx.remaining()));
    Journey journey = new Journey(moving, seen, terms, options, target);
    Handover sending = moving.require().sending(terms.token(), seen.state());
    long begin = System.nanoTime();
    Sent sent;
    try {
      sent = send(cx, journey, sending);
    } catch (N0Exception e) {
      if (retreat(journey, e) == Verdict.REFUSED) {
        throw e;
      }
      sent = new Sent(begin, System.nanoTime(), 0);
    }
    leave(moving);
    return report(begin, sent);
  }

  /** What the source knows of the memory that it has sent. */
  private record Sent(long stoppedAt, long ranAt, long bytes) {}

  /** Of one that was given away, but whose taking was only learned of later, all counts as standstill. */
  private static MigrationReport report(long begin, Sent sent) {
    return new MigrationReport(
        Duration.ofNanos(sent.ranAt() - begin),
        Duration.ofNanos(sent.ranAt() - sent.stoppedAt()),
        sent.bytes());
  }

  Sight running(Moving moving, Duration limit) {
    Sight seen = Sight.of(moving.id().name(), moving.directory(), monitors, limit);
    if (seen.state() != MachineState.RUNNING && seen.state() != MachineState.PAUSED) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          moving.id().toString(),
          "migrate " + moving.id() + ": it is " + seen.state() + ", must be RUNNING or PAUSED");
    }
    if (moving.directory().require(moving.id()).unfinished() != Unfinished.NONE) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          moving.id().toString(),
          "migrate " + moving.id() + ": a change of it is unfinished, so that its guest has another"
              + " board than its spec says; apply it first");
    }
    return seen;
  }

  /** Some devices cannot be sent; QEMU knows which. */
  void requireMovable(Moving moving, Run run) {
    MachineRecord record = moving.directory().require(moving.id());
    try (Monitor monitor = monitors.toLook(moving.id().name(), run, limits.monitor())) {
      Movable.require("migrate", moving.id(), record.spec(), monitor);
    }
  }

  /** On return the target has it. */
  private Sent send(Context cx, Journey journey, Handover sending) {
    Duration patience = Limits.least(cx.remaining(), journey.options.mostSilence());
    try (Monitor monitor = qemu.within(patience).connectToUrge(journey.moving.id(), journey.run)) {
      try {
        return send(cx, journey, sending, monitor);
      } catch (N0Exception e) {
        if (!journey.given) {
          // Only here, while there is a connection: a QEMU that hangs takes no new one.
          Carrier.sever(monitor, limits.monitor());
        }
        throw e;
      }
    }
  }

  private Sent send(Context cx, Journey journey, Handover sending, Monitor monitor) {
    Moving moving = journey.moving;
    boolean copied = journey.terms.disks().isPresent();
    try (Sender sender = new Sender(moving.id(), monitor, journey.options.mostSilence())) {
      Mirrors mirrors = new Mirrors(moving.id().name(), monitor);
      Handover handing = sending.handingOver();
      cx.step(
          "note that the machine is being sent", () -> moving.write(copied ? sending : handing));
      cx.step(
          "set up the migration",
          () -> sender.setUp(journey.options, journey.terms.memory(), copied));
      if (copied) {
        copy(cx, journey, mirrors);
        cx.step("note that its memory follows", () -> moving.write(handing));
      }
      boolean still =
          journey.run.accelerator() != Accelerator.KVM && EmulatedMemory.isLost(monitor);
      // From here nothing is written until the target has it: the guest is not to wait for a disk.
      cx.step("send the memory", () -> {
        if (still) {
          LOG.info("{}: stands still, so that its QEMU sends all that it writes", moving.id());
          monitor.execute("stop");
        }
        sender.send(cx, journey.terms.memory(), journey.process);
        sender.await(cx, copied ? Sender.PAUSED : Sender.COMPLETED);
      });
      if (copied) {
        cx.step(
            "finish the disks",
            () -> mirrors.finish(Limits.least(limits.command(), journey.options.mostSilence())));
        cx.step("switch over", () -> {
          sender.switchOver();
          sender.await(cx, Sender.COMPLETED);
        });
      }
      giveAway(cx, journey, handing);
      long ran = System.nanoTime();
      return new Sent(sender.stoppedAt(ran), ran, sender.sent());
    }
  }

  /** QEMU has completed: it will not run the guest again unless it is told. */
  private static void giveAway(Context cx, Journey journey, Handover handing) {
    Moving moving = journey.moving;
    Verdict verdict = cx.step("have the target take over", () -> {
      journey.given = true;
      return journey.to.takeOver(moving.id(), release(handing));
    });
    if (verdict == Verdict.REFUSED) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          moving.id().toString(),
          "migrate " + moving.id() + ": the target refused to take over");
    }
  }

  private void copy(Context cx, Journey journey, Mirrors mirrors) {
    MachineRecord record = journey.moving.directory().read().orElseThrow();
    cx.step("copy the disks", () -> {
      mirrors.start(
          cx, record.spec(), journey.terms.disks().orElseThrow(), journey.options, journey.process);
      mirrors.awaitReady(cx, journey.options.mostSilence());
    });
  }

  private static MigrationRelease release(Handover handover) {
    return new MigrationRelease(handover.token().orElseThrow(), handover.guest());
  }

  /** Goes back as far as is safe after a failure, whose own limits have passed or may have. */
  private Verdict retreat(Journey journey, N0Exception why) {
    boolean interrupted = Thread.interrupted();
    try {
      Moving moving = journey.moving;
      Handover now = moving.read();
      if (!journey.given) {
        stay(journey, now);
        return Verdict.REFUSED;
      }
      moving.write(now.released());
      Verdict verdict = reclaim(moving, journey.to, now);
      if (verdict == Verdict.REFUSED) {
        moving.write(now.resuming());
        resume(moving);
      }
      return verdict;
    } catch (N0Exception e) {
      N0Exception stuck = new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          journey.moving.id().toString(),
          "migrate " + journey.moving.id() + ": " + why.getMessage()
              + "; where it is now cannot be told, settle it: " + e.getMessage(),
          why);
      stuck.addSuppressed(e);
      throw stuck;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Lets a machine go on here that was not given away, and tells its target so. */
  private void stay(Journey journey, Handover sending) {
    Moving moving = journey.moving;
    // What has been silent for so long is not waited for once more, in each of many commands.
    Duration patience = journey.options.mostSilence();
    MigrationSource impatient =
        new MigrationSource(qemu.within(patience), limits.within(patience), monitors);
    try {
      impatient.keep(moving, sending);
    } catch (N0Exception e) {
      // It may hang on its target, which ends when it is told, and lets go of it.
      boolean told = tellRefused(moving.id(), journey.to, journey.terms.token());
      try {
        (told ? this : impatient).keep(moving, sending);
      } catch (N0Exception again) {
        again.addSuppressed(e);
        throw again;
      }
      return;
    }
    boolean unused = tellRefused(moving.id(), journey.to, journey.terms.token());
  }

  /** Asks for a machine back that may have been given away. */
  private static Verdict reclaim(Moving moving, MigrationTarget target, Handover handover) {
    try {
      return target.refuse(moving.id(), handover.token().orElseThrow());
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.PRECONDITION) {
        throw e;
      }
      // Its host was restarted meanwhile: its memory is gone, but it may have run there.
      LOG.warn("{}: {}", moving.id(), e.getMessage());
      return target.takeOver(moving.id(), release(handover));
    }
  }

  /** The target would notice by itself that nothing comes; this only saves it the wait. */
  private static boolean tellRefused(ResourceId id, MigrationTarget target, UUID token) {
    try {
      Verdict verdict = target.refuse(id, token);
      LOG.debug("{}: the target was told that it stays: {}", id, verdict);
      return true;
    } catch (N0Exception e) {
      LOG.warn("{}: the target was not told that it stays: {}", id, e.getMessage());
      return false;
    }
  }

  /**
   * Finds out, for an agent that died meanwhile, how far a machine was handed over. One whose emulator has not sent all
   * was not given away, and goes on here; the record of any other tells what is to be asked. Idempotent.
   */
  void look(Moving moving, Handover handing) {
    Optional<Run> run = moving.alive();
    if (run.isEmpty()) {
      return;
    }
    try (Monitor monitor = qemu.connect(moving.id(), run.get())) {
      Carrier.stopSending(monitor, limits.command());
      if (Carrier.handedOver(monitor)) {
        moving.write(handing.released());
        return;
      }
    }
    keep(moving, handing);
  }

  /** Lets a machine that was never given away go on here. Idempotent. */
  void keep(Moving moving, Handover sending) {
    goOn(moving, sending);
  }

  /** Lets a machine that the target has refused go on here. Idempotent. */
  void resume(Moving moving) {
    goOn(moving, moving.read());
  }

  private void goOn(Moving moving, Handover handover) {
    Optional<Run> run = moving.alive();
    if (run.isPresent()) {
      try (Monitor monitor = qemu.connect(moving.id(), run.get())) {
        Carrier.stopSending(monitor, limits.command());
        new Mirrors(moving.id().name(), monitor).drop(limits.command());
        if (handover.guest() == MachineState.RUNNING) {
          Carrier.letRun(monitor, limits.command());
        }
        Carrier.tidy(monitor);
      }
    }
    moving.write(handover.owned());
    LOG.info("{}: goes on here", moving.id());
  }

  /** Ends what is left of a machine that the target has. Idempotent. */
  void leave(Moving moving) {
    Handover now = moving.read();
    if (now.phase() != Phase.MIGRATED) {
      moving.write(now.migrated());
    }
    moving.alive().ifPresent(run -> qemu.end(moving.id(), run));
    LOG.info("{}: has left", moving.id());
  }

  Verdict settle(Context cx, Moving moving, MigrationTarget target) {
    Handover now = moving.require();
    return switch (now.phase()) {
      case SETTLED -> Verdict.REFUSED;
      case SENDING -> {
        cx.step("take the machine back", () -> keep(moving, now));
        boolean unused = tellRefused(moving.id(), target, now.token().orElseThrow());
        yield Verdict.REFUSED;
      }
      case HANDING_OVER -> {
        if (moving.alive().isPresent()) {
          cx.step("see how far it has come", () -> look(moving, now));
          yield settle(cx, moving, target);
        }
        // What the target has may be older than the disks by now: it must not run it, if it does
        // not yet.
        Verdict verdict = cx.step("ask the target to refuse", () -> reclaim(moving, target, now));
        yield conclude(cx, moving, verdict);
      }
      case RELEASED -> {
        Verdict verdict = cx.step(
            "ask the target to take over", () -> target.takeOver(moving.id(), release(now)));
        yield conclude(cx, moving, verdict);
      }
      case RESUMING -> {
        cx.step("let the machine go on", () -> resume(moving));
        yield Verdict.REFUSED;
      }
      case MIGRATED -> {
        cx.step("end what is left", () -> leave(moving));
        yield Verdict.TAKEN;
      }
      case EXPECTED, INCOMING, TAKING, REFUSED ->
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            moving.id().toString(),
            "settle " + moving.id() + ": it is " + now.phase() + ", this is not its source");
    };
  }

  /** Does what the target's word, or a person's, demands of a machine that was given away. */
  Verdict conclude(Context cx, Moving moving, Verdict verdict) {
    if (verdict == Verdict.TAKEN) {
      cx.step("end what is left", () -> leave(moving));
    } else {
      cx.step("note that the machine goes on", () -> moving.write(moving.read().resuming()));
      cx.step("let the machine go on", () -> resume(moving));
    }
    return verdict;
  }
}
