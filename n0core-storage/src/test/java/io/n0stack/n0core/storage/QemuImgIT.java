package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class QemuImgIT {
  @TempDir
  Path directory;

  @Test
  void theVersionIsRead() {
    assertThat(new QemuImg("qemu-img", Duration.ofSeconds(10)).version()).matches("\\d+\\.\\d+.*");
  }

  @Test
  void whatIsNotInstalledIsSaid() {
    Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(
        directory, new QemuImg("no-such-qemu-img", Duration.ofSeconds(10)));

    assertThat(driver.probe().message()).contains("install qemu-utils");
  }

  @Test
  void aRunThatHangsIsKilledAndReported() throws IOException {
    Path pid = directory.resolve("pid");
    Path hung = script("echo $$ > '" + pid + "'\nexec sleep 600\n");
    QemuImg qemuImg = new QemuImg(hung.toString(), Duration.ofMillis(500));

    assertThatThrownBy(() -> create(qemuImg)).isInstanceOf(OperationTimeoutException.class);

    assertThat(ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))).isEmpty();
  }

  @Test
  void aRunIsKilledWhenItsOperationIsInterrupted() throws IOException {
    Path pid = directory.resolve("pid");
    Path hung = script("echo $$ > '" + pid + "'\nexec sleep 600\n");
    QemuImg qemuImg = new QemuImg(hung.toString(), Duration.ofSeconds(60));
    Thread.currentThread().interrupt();

    assertThatThrownBy(() -> create(qemuImg))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));

    assertThat(Thread.interrupted()).isTrue();
    assertThat(ProcessHandle.current().children()).isEmpty();
  }

  @Test
  void aFloodOfOutputIsCutAndFailureCarriesCodeAndText() throws IOException {
    Path noisy = script("head -c 5000000 /dev/zero | tr '\\0' x >&2\nexit 7\n");
    QemuImg qemuImg = new QemuImg(noisy.toString(), Duration.ofSeconds(30));

    assertThatThrownBy(() -> create(qemuImg)).isInstanceOfSatisfying(QemuImgException.class, e -> {
      assertThat(e.exitCode()).isEqualTo(7);
      assertThat(e.stderr()).hasSize(64 << 10);
      assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL);
    });
  }

  @Test
  void theEnvironmentIsOursAndFormatsAreStated() throws IOException {
    Path log = directory.resolve("log");
    Path spy = script("{ env; echo \"$@\"; } > '" + log + "'\n");

    create(new QemuImg(spy.toString(), Duration.ofSeconds(30)));

    assertThat(Files.readString(log))
        .contains("LC_ALL=C\n")
        .contains("create -q -f qcow2 " + directory.resolve("disk") + " 1048576\n")
        .doesNotContain("HOME=");
  }

  @Test
  void commasAreDoubledInOptionsAndProgressIsRead() {
    assertThat(QemuImg.options(Path.of("/a,b/c d:e")))
        .isEqualTo("driver=qcow2,file.driver=file,file.filename=/a,,b/c d:e");
    assertThat(QemuImg.fraction("    (0.00/100%)\r    (42.50/100%)\r")).isEqualTo(0.425);
    assertThat(QemuImg.fraction("")).isZero();
  }

  private void create(QemuImg qemuImg) {
    qemuImg.create(new StandaloneContext(), directory.resolve("disk"), ImageFormat.QCOW2, 1 << 20);
  }

  private Path script(String body) throws IOException {
    return Images.script(directory.resolve("qemu-img"), body);
  }
}
