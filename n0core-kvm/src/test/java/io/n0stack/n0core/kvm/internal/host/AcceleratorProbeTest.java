package io.n0stack.n0core.kvm.internal.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guests that tell nothing, by programs that stand for QEMU; AcceleratorsIT has real ones. */
class AcceleratorProbeTest {
  private static final Duration LIMIT = Duration.ofSeconds(1);

  @TempDir
  private Path directory;

  private AcceleratorProbe probe(String script) throws IOException {
    Path program = Files.writeString(directory.resolve("qemu"), "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return new AcceleratorProbe(program.toString(), LIMIT);
  }

  /** What the first trial of a probe tells, one that was not made on a host as busy as the tests' may be. */
  private static Accelerator decided(Callable<Accelerator> trial) {
    return await()
        .atMost(Duration.ofMinutes(2))
        .pollDelay(Duration.ZERO)
        .ignoreExceptionsMatching(AcceleratorProbeTest::busy)
        .until(trial, found -> true);
  }

  private static boolean busy(Throwable thrown) {
    return thrown instanceof N0Exception e && e.code() == N0Exception.Code.UNAVAILABLE;
  }

  @Test
  void aGuestThatGotNoProcessorIsTriedAgainButNotForEver() throws IOException {
    AcceleratorProbe probe = probe("exec sleep 60");

    if (AcceleratorProbe.deviceUsable()) { // without it there is nothing to try
      for (int i = 0; i < 2; i++) {
        assertThatExceptionOfType(N0Exception.class)
            .isThrownBy(probe::best)
            .withMessageContaining("too busy")
            .withMessageContaining("kvm.accelerator")
            .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
      }
    }
    assertThat(probe.best()).isEqualTo(Accelerator.TCG);
  }

  @Test
  void aBusyHostOfTheFirstTrialIsForgotten() throws IOException {
    boolean usable = AcceleratorProbe.deviceUsable();
    Accelerator found = decided(() -> {
      AcceleratorProbe probe = probe("exec sleep 60");
      if (usable) {
        assertThatExceptionOfType(N0Exception.class).isThrownBy(probe::best);
      }
      probe("printf 'N0: READY'; head -c 1; printf 'N0: SPEED'; exec cat");
      return probe.best();
    });

    assertThat(found).isEqualTo(usable ? Accelerator.KVM : Accelerator.TCG);
  }

  @Test
  void aGuestThatWorksAndDoesNotComeFarIsNone() throws IOException {
    assertThat(decided(() -> probe("while :; do :; done").best())).isEqualTo(Accelerator.TCG);
  }

  @Test
  void aGuestThatEndsIsNone() throws IOException {
    assertThat(decided(() -> probe("exit 1").best())).isEqualTo(Accelerator.TCG);
  }
}
