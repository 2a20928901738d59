package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Driver;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kit must accept machines that keep their promises, and reject each that breaks one of them. */
class FakeMachinesTest {
  private record Fixture(FakeHost host, Flaw flaw, Optional<FakeHost> next)
      implements DriverFixture<MachineSpec, MachineStatus> {
    @Override
    public Driver<MachineSpec, MachineStatus> open() {
      return new FakeMachines(host, flaw);
    }

    @Override
    public MachineSpec spec() {
      return MachineSpec.builder(1, 16 << 20).build();
    }

    @Override
    public List<String> residue() {
      return host.machines.keySet().stream().map(String::valueOf).sorted().toList();
    }

    @Override
    public Optional<DriverFixture<MachineSpec, MachineStatus>> neighbour() {
      return next.map(other -> new Fixture(other, flaw, Optional.empty()));
    }
  }

  private static Executable capabilities(Flaw flaw) {
    Fixture fixture = new Fixture(new FakeHost(), flaw, Optional.of(new FakeHost()));
    return Stream.of(DriverTck.of(fixture))
        .flatMap(cases -> cases)
        .filter(one -> one.getDisplayName().contains("capabilities work"))
        .findFirst()
        .orElseThrow()
        .getExecutable();
  }

  @Test
  void machinesThatKeepTheirPromisesAreAccepted() throws Throwable {
    capabilities(Flaw.NONE).execute();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void aFlawIsFound(Flaw flaw) {
    assertThatThrownBy(() -> capabilities(flaw).execute())
        .isInstanceOf(AssertionError.class)
        .satisfies(e -> assertThat(e).as(flaw.toString()).isNotNull());
  }
}
