package io.n0stack.n0core.kvm.internal.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
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
    AcceleratorProbe probe = probe("exec sleep 60");
    if (AcceleratorProbe.deviceUsable()) {
      assertThatExceptionOfType(N0Exception.class).isThrownBy(probe::best);
      probe("printf 'N0: READY'; head -c 1; printf 'N0: SPEED'; exec cat");
      assertThat(probe.best()).isEqualTo(Accelerator.KVM);
    } else {
      assertThat(probe.best()).isEqualTo(Accelerator.TCG);
    }
  }

  @Test
  void aGuestThatWorksAndDoesNotComeFarIsNone() throws IOException {
    assertThat(probe("while :; do :; done").best()).isEqualTo(Accelerator.TCG);
  }

  @Test
  void aGuestThatEndsIsNone() throws IOException {
    assertThat(probe("exit 1").best()).isEqualTo(Accelerator.TCG);
  }
}
