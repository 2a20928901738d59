package io.n0stack.n0core.kvm.internal.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IoUringTest {
  @TempDir
  Path directory;

  @Test
  void theKernelForbidsItToSomeToAllOrToNobody() throws Exception {
    Path setting = directory.resolve("io_uring_disabled");

    assertThat(IoUring.forbidden(setting)).as("an older kernel").isFalse();
    assertThat(IoUring.forbidden(Files.writeString(setting, "0\n"))).isFalse();
    assertThat(IoUring.forbidden(Files.writeString(setting, "1\n"))).isTrue();
    assertThat(IoUring.forbidden(Files.writeString(setting, "2\n"))).isTrue();
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> IoUring.forbidden(directory))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }
}
