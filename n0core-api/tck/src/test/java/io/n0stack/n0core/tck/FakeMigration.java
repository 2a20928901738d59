package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Moves fake machines. */
record FakeMigration(FakeHost host, Flaw flaw) implements Migration {
  /** Says whether a machine must not be started, since it does not belong here. */
  boolean leavesAlone(FakeHost.Machine machine) {
    if (machine.phase == Phase.MIGRATED && flaw == Flaw.RUNS_WHAT_HAS_LEFT) {
      machine.state = MachineState.RUNNING;
    }
    return machine.phase != Phase.SETTLED && flaw != Flaw.STARTS_WHAT_IS_EXPECTED;
  }

  @Override
  public MigrationOffer offer(ResourceId id) {
    return new MigrationOffer(id, host.require(id).spec.orElseThrow(), "fake");
  }

  @Override
  public void expect(MigrationOffer offer) {
    FakeHost.Machine found = host.machines.get(offer.machine());
    if (found != null && found.phase == Phase.SETTLED && flaw != Flaw.EXPECTS_ITS_OWN) {
      throw new N0Exception(Code.ALREADY_EXISTS, offer.machine().toString(), "it is here");
    }
    FakeHost.Machine machine = found == null ? new FakeHost.Machine() : found;
    if (found == null || found.phase != Phase.SETTLED) {
      machine.spec = Optional.of(offer.spec());
      machine.state = MachineState.PREPARED;
      machine.phase = Phase.EXPECTED;
      host.machines.put(offer.machine(), machine);
    }
  }

  @Override
  public MigrationTerms prepare(Context cx, ResourceId id, MigrationReception reception) {
    FakeHost.Machine machine = host.require(id);
    FakeHost.require(id, Set.of(Phase.EXPECTED, Phase.INCOMING).contains(machine.phase));
    machine.token.ifPresent(old -> machine.verdicts.put(old, Verdict.REFUSED));
    machine.phase = Phase.INCOMING;
    machine.token = Optional.of(UUID.randomUUID());
    return new MigrationTerms(
        machine.token.get(), new MigrationAddress.Unix(Path.of("/fake")), Optional.empty());
  }

  @Override
  public MigrationReport migrate(
      Context cx,
      ResourceId id,
      MigrationTerms terms,
      MigrationOptions options,
      MigrationTarget target) {
    FakeHost.Machine machine = host.require(id);
    if (target.takeOver(id, new MigrationRelease(terms.token(), machine.state))
        == Verdict.REFUSED) {
      if (flaw == Flaw.LOSES_WHAT_IS_REFUSED) {
        machine.state = MachineState.PAUSED;
      }
      throw new N0Exception(Code.UNAVAILABLE, id.toString(), "the target refuses it");
    }
    machine.phase = Phase.MIGRATED;
    machine.state = MachineState.SHUTDOWN;
    return new MigrationReport(Duration.ofMillis(2), Duration.ofMillis(1), 1);
  }

  @Override
  public Verdict settle(Context cx, ResourceId id, MigrationTarget target) {
    return host.require(id).phase == Phase.MIGRATED ? Verdict.TAKEN : Verdict.REFUSED;
  }

  @Override
  public Verdict takeOver(Context cx, ResourceId id, MigrationRelease release) {
    FakeHost.Machine machine = host.require(id);
    Verdict known = machine.verdicts.get(release.token());
    if (known != null && flaw != Flaw.TAKES_OLD_TOKENS) {
      return known;
    }
    machine.verdicts.put(release.token(), Verdict.TAKEN);
    machine.phase = Phase.SETTLED;
    machine.state = release.guest();
    return Verdict.TAKEN;
  }

  @Override
  public Verdict refuse(Context cx, ResourceId id, UUID token) {
    FakeHost.Machine machine = host.require(id);
    machine.phase = Phase.REFUSED;
    machine.verdicts.put(token, Verdict.REFUSED);
    return Verdict.REFUSED;
  }

  @Override
  public void decide(Context cx, ResourceId id, Decision decision) {
    FakeHost.require(id, host.require(id).phase != Phase.SETTLED || flaw == Flaw.DECIDES_ANYTHING);
  }

  @Override
  public Phase phase(ResourceId id) {
    return host.require(id).phase;
  }
}
