package io.n0stack.n0core.api.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MigrationOptions.Convergence;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MigrationOptionsTest {
  @ParameterizedTest
  @ValueSource(strings = {"PT-1S", "PT0S", "PT0.999S", "PT1H0.001S", "PT24H"})
  void silenceOutOfItsRangeIsRefused(Duration most) {
    MigrationOptions usual = MigrationOptions.usual();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> usual.withMostSilence(most))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .withMessageContaining("mostSilence")
        .withMessageContaining(most.toString())
        .withMessageContaining("1 s to 1 h");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT1S", "PT30S", "PT1H"})
  void silenceWithinItsRangeIsKept(Duration most) {
    assertThat(MigrationOptions.usual().withMostSilence(most).mostSilence()).isEqualTo(most);
  }

  @Test
  void silenceOfHalfAMinuteIsAllowedUnlessSaid() {
    Duration half = Duration.ofSeconds(30);

    assertThat(MigrationOptions.usual().mostSilence()).isEqualTo(half);
    assertThat(new MigrationOptions(
                Optional.empty(), Duration.ofSeconds(1), Convergence.WAIT, Optional.empty())
            .mostSilence())
        .isEqualTo(half);
  }

  @Test
  void oneChangeLeavesTheOthers() {
    MigrationTls tls = MigrationTls.of(Path.of("/etc/n0core"));

    MigrationOptions options = MigrationOptions.usual()
        .withMostSilence(Duration.ofSeconds(2))
        .withMostBytesPerSecond(4096)
        .withMostDowntime(Duration.ofSeconds(1))
        .withConvergence(Convergence.WAIT)
        .withTls(tls);

    assertThat(options)
        .isEqualTo(new MigrationOptions(
            Optional.of(4096L),
            Duration.ofSeconds(1),
            Convergence.WAIT,
            Optional.of(tls),
            Duration.ofSeconds(2)));
  }
}
