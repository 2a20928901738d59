package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How often a program is asked for its version, and what is seen of it in between. */
@Requires(Requirement.QEMU)
class VersionIT {
  @TempDir
  Path directory;

  private Path program;
  private QemuImg qemuImg;

  @BeforeEach
  void counting() throws IOException {
    program = Images.counting(directory);
    qemuImg = new QemuImg(Settings.standard().withProgram(program.toString()));
  }

  private long runs() throws IOException {
    return Files.readAllLines(directory.resolve("runs")).size();
  }

  private Path other(String name, String version) throws IOException {
    return Images.script(directory.resolve(name), "echo 'qemu-img version " + version + "'\n");
  }

  @Test
  void aProgramThatStaysIsAskedOnce() throws IOException {
    String version = qemuImg.version();

    assertThat(version).isEqualTo(QemuImg.installed().version()).matches("\\d+\\.\\d+.*");
    for (int i = 0; i < 5; i++) {
      assertThat(qemuImg.version()).isEqualTo(version);
    }
    assertThat(runs()).isEqualTo(1);
  }

  @Test
  void aProgramThatIsReplacedOrWrittenToIsAskedAgain() throws IOException {
    assertThat(qemuImg.version()).isNotEqualTo("99.1");

    Files.move(other("upgrade", "99.1"), program, StandardCopyOption.ATOMIC_MOVE);
    assertThat(qemuImg.version()).isEqualTo("99.1");
    Images.script(program, "echo 'qemu-img version 99.2'\n");
    assertThat(qemuImg.version()).isEqualTo("99.2");
    Files.delete(program);
    Files.createSymbolicLink(program, other("linked", "99.3"));
    assertThat(qemuImg.version()).isEqualTo("99.3");
    Files.move(
        other("another", "99.4"), directory.resolve("linked"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(qemuImg.version()).isEqualTo("99.4");
  }

  @Test
  void aProgramThatIsGoneOrFailsIsNotTakenForTheOneBefore() throws IOException {
    String version = qemuImg.version();
    Path away = Files.move(program, directory.resolve("away"));
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(qemuImg::version)
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    }
    Images.script(program, "exit 1\n");
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(qemuImg::version).isInstanceOf(QemuImgException.class);
    }

    Files.move(away, program, StandardCopyOption.REPLACE_EXISTING);

    assertThat(qemuImg.version()).isEqualTo(version);
  }
}
