package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationOptions.Convergence;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.process.SpecRules;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Moves machines between hosts, and says of each whether it may run here. Thread-safe. */
public final class QemuMigration implements Migration, AutoCloseable {
  private final Path machines;
  private final Limits limits;
  private final MigrationSource source;
  private final MigrationDestination destination;
  private final Set<UUID> inHand = ConcurrentHashMap.newKeySet();

  /**
   * Creates it. Touches nothing.
   *
   * @param machines the directory of all machines
   * @param qemu starts and ends processes
   * @param limits the time allowed
   * @param rules what this host can have
   * @param monitors the connections
   */
  public QemuMigration(
      Path machines, QemuProcess qemu, Limits limits, SpecRules rules, Monitors monitors) {
    this.machines = machines;
    this.limits = limits;
    source = new MigrationSource(qemu, limits, monitors);
    destination = new MigrationDestination(qemu, limits, rules);
  }

  @Override
  public MigrationOffer offer(ResourceId machine) {
    Moving moving = moving(machine);
    requireSettled(machine, "offer");
    Sight seen = source.running(moving, limits.monitor());
    source.requireMovable(moving, seen.run().orElseThrow());
    MachineDirectory directory = moving.directory();
    MachineRecord record = directory.read().orElseThrow();
    String type = directory
        .type()
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            machine.toString(),
            "offer " + machine + ": its machine type is not on record yet"));
    Board board = new Board(record, type, seen.run().orElseThrow().accelerator());
    return new MigrationOffer(machine, record.spec(), board.encode());
  }

  @Override
  public void expect(MigrationOffer offer) {
    alone(offer.machine(), () -> {
      destination.expect(moving(offer.machine()), offer);
      return offer;
    });
  }

  @Override
  public MigrationTerms prepare(Context cx, ResourceId machine, MigrationReception reception) {
    return alone(machine, () -> destination.prepare(cx, moving(machine), reception));
  }

  @Override
  public MigrationReport migrate(
      Context cx,
      ResourceId machine,
      MigrationTerms terms,
      MigrationOptions options,
      MigrationTarget target) {
    if (options.convergence() == Convergence.POST_COPY) {
      // And neither record nor recovery know of a guest that is on two hosts.
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "convergence",
          "unsupported convergence POST_COPY: must be WAIT or SLOW_DOWN, since QEMU needs userfaultfd"
              + " for it, and machines have no capabilities");
    }
    return alone(machine, () -> source.migrate(cx, required(machine), terms, options, target));
  }

  @Override
  public Verdict settle(Context cx, ResourceId machine, MigrationTarget target) {
    return alone(machine, () -> source.settle(cx, required(machine), target));
  }

  @Override
  public Verdict takeOver(Context cx, ResourceId machine, MigrationRelease release) {
    return alone(machine, () -> destination.takeOver(cx, moving(machine), release));
  }

  @Override
  public Verdict refuse(Context cx, ResourceId machine, UUID token) {
    return alone(machine, () -> destination.refuse(cx, required(machine), token));
  }

  @Override
  public void decide(Context cx, ResourceId machine, Decision decision) {
    alone(machine, () -> {
      Moving moving = required(machine);
      if (moving.read().phase() == Phase.HANDING_OVER) {
        cx.step("see how far it has come", () -> source.look(moving, moving.read()));
      }
      Handover now = moving.read();
      switch (decision) {
        case TARGET_NEVER_RUNS -> {
          if (now.phase() == Phase.MIGRATED) {
            cx.step("end what is left", () -> source.leave(moving));
            cx.step("note that the machine is here", () -> moving.write(now.reclaimed()));
          } else {
            source.conclude(cx, released(moving, now, decision), Verdict.REFUSED);
          }
        }
        case TARGET_RUNS -> source.conclude(cx, released(moving, now, decision), Verdict.TAKEN);
        case SOURCE_RELEASED -> destination.takeReleased(cx, moving);
        case SOURCE_NEVER_RUNS -> destination.inherit(cx, moving);
      }
      return moving;
    });
  }

  private static Moving released(Moving moving, Handover now, Decision decision) {
    if (now.phase() != Phase.RELEASED && now.phase() != Phase.HANDING_OVER) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          moving.id().toString(),
          "decide " + decision + " of " + moving.id() + ": it is " + now.phase() + ", must be "
              + Phase.RELEASED);
    }
    return moving;
  }

  @Override
  public Phase phase(ResourceId machine) {
    return moving(machine).require().phase();
  }

  /**
   * Ends what an agent that died has left undone, as far as that needs nobody else, before a machine is
   * started or changed.
   *
   * @param cx progress
   * @param machine the machine, which is there
   * @param desired what it is to be
   * @return true if it must be left as it is, because it does not belong to this host
   * @throws N0Exception PRECONDITION if a machine on the way is to be changed
   */
  public boolean away(Context cx, ResourceId machine, MachineSpec desired) {
    Moving moving = moving(machine);
    if (moving.read().settled()) {
      return false;
    }
    return alone(machine, () -> {
      Handover now = moving.read();
      switch (now.phase()) {
        case SENDING -> cx.step("take the machine back", () -> source.keep(moving, now));
        case HANDING_OVER -> cx.step("see how far it has come", () -> source.look(moving, now));
        case RESUMING -> cx.step("let the machine go on", () -> source.resume(moving));
        case TAKING -> destination.finish(cx, moving);
        case MIGRATED -> cx.step("end what is left", () -> source.leave(moving));
        case REFUSED -> cx.step("end qemu", () -> destination.endWaiting(moving));
        case RELEASED, EXPECTED, INCOMING, SETTLED -> {}
      }
      boolean away = !moving.read().settled();
      if (away && !desired.equals(moving.directory().read().orElseThrow().spec())) {
        throw refused(machine, "change", moving.read().phase());
      }
      return away;
    });
  }

  /**
   * Refuses what must not be done to a machine on the way.
   *
   * @param machine the machine
   * @param verb what is to be done
   * @throws N0Exception PRECONDITION if it is on the way; UNAVAILABLE if that cannot be read
   */
  public void requireSettled(ResourceId machine, String verb) {
    Handover now = moving(machine).require();
    if (!now.settled()) {
      throw refused(machine, verb, now.phase());
    }
  }

  private static N0Exception refused(ResourceId machine, String verb, Phase phase) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION,
        machine.toString(),
        verb + " " + machine + ": it is on the way to another host or from one, " + phase);
  }

  /**
   * Describes a reservation that was cut short.
   *
   * @param seen what was seen of its process, which it has not
   * @return what it is
   */
  public static Observed<MachineStatus> cutShort(MachineStatus seen) {
    return seen(seen, MachineState.PREPARED, "cut-short", false);
  }

  /**
   * Adds to what was seen of a machine what its way means for it.
   *
   * @param machine the machine
   * @param seen what was seen of its process
   * @return what it is
   * @throws N0Exception UNAVAILABLE if that cannot be read
   */
  public Observed<MachineStatus> seen(ResourceId machine, Observed.Present<MachineStatus> seen) {
    Phase phase = moving(machine).read().phase();
    boolean dead = seen.status().pid().isEmpty();
    return switch (phase) {
      case SETTLED -> seen;
      case SENDING, RESUMING, TAKING -> seen(seen, seen.status().state(), phase, false);
      case HANDING_OVER ->
        seen(seen, dead ? MachineState.SHUTDOWN : seen.status().state(), phase, dead);
      case RELEASED -> seen(seen, dead ? MachineState.SHUTDOWN : MachineState.PAUSED, phase, true);
      case MIGRATED -> seen(seen, MachineState.SHUTDOWN, phase, dead);
      case EXPECTED, INCOMING -> seen(seen, MachineState.PREPARED, phase, true);
      case REFUSED -> seen(seen, MachineState.PREPARED, phase, dead);
    };
  }

  private static Observed<MachineStatus> seen(
      Observed.Present<MachineStatus> seen, MachineState state, Phase phase, boolean complete) {
    return seen(seen.status(), state, phase.name().toLowerCase(java.util.Locale.ROOT), complete);
  }

  private static Observed<MachineStatus> seen(
      MachineStatus status, MachineState state, String where, boolean complete) {
    return new Observed.Present<>(
        new MachineStatus(
            state,
            status.pid(),
            status.accelerator(),
            status.serialLog(),
            Optional.of("migration-" + where),
            status.unplugging()),
        complete);
  }

  private Moving moving(ResourceId machine) {
    if (!machine.kind().equals(ComputeDriver.KIND)) {
      throw N0Exception.invalid("kind", machine.kind(), "must be " + ComputeDriver.KIND);
    }
    return new Moving(machines, machine);
  }

  private Moving required(ResourceId machine) {
    Moving moving = moving(machine);
    Handover unused = moving.require();
    return moving;
  }

  /** Lets go of the monitors of machines that are expected; they stay as they are. */
  @Override
  public void close() {
    destination.close();
  }

  /** One at a time may change who owns a machine. */
  private <R> R alone(ResourceId machine, Supplier<R> body) {
    boolean entered =
        Pauses.until("migrate " + machine, limits.monitor(), () -> inHand.add(machine.uid()));
    if (!entered) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          machine.toString(),
          "migrate " + machine + ": a migration of it is in hand");
    }
    try {
      return body.get();
    } finally {
      inHand.remove(machine.uid());
    }
  }
}
