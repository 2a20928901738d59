package io.n0stack.n0core.kvm.internal.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Asked of the kernel: another user tries. */
class AccessListTest {
  private static final Owner ALICE = new Owner(700_021, 700_021);
  private static final Owner BOB = new Owner(700_022, 700_022);

  @TempDir
  Path directory;

  private Path file;

  @BeforeEach
  void prepare() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    file = Files.writeString(directory.resolve("disk"), "x");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @Test
  void whoIsAllowedToReadReadsAndNobodyElse() throws Exception {
    assertThat(may(ALICE, "cat")).isFalse();

    AccessList.allowReaching(file, ALICE);
    AccessList.allowReading(file, ALICE);

    assertThat(may(ALICE, "cat")).isTrue();
    assertThat(may(ALICE, "tee -a")).isFalse();
    assertThat(may(BOB, "cat")).isFalse();
  }

  @Test
  void whatIsAllowedInTwoStepsIsAllAllowedAndAllTakenBack() throws Exception {
    AccessList.allowReaching(file, ALICE);
    AccessList.allowReaching(file, BOB);
    AccessList.allowReading(file, BOB);
    AccessList.allowReading(file, ALICE);
    AccessList.allowWriting(file, ALICE);
    AccessList.allowReading(file, ALICE);

    assertThat(may(ALICE, "tee -a")).isTrue();
    assertThat(may(BOB, "cat")).isTrue();
    assertThat(may(BOB, "tee -a")).isFalse();

    AccessList.deny(file, ALICE);
    AccessList.deny(directory, ALICE);
    assertThat(may(ALICE, "cat")).isFalse();
    assertThat(may(BOB, "cat")).isTrue();
    AccessList.deny(directory.resolve("gone"), ALICE);
  }

  @Test
  void filesThatAreMadeLaterAreAllowed() throws Exception {
    AccessList.allowReaching(file, ALICE);
    AccessList.allowWritingFuture(directory, ALICE);

    file = Files.writeString(directory.resolve("overlay"), "y");

    assertThat(may(ALICE, "tee -a")).isTrue();
    assertThat(may(BOB, "cat")).isFalse();
  }

  @Test
  void whatIsInheritedButMaskedIsAllowedAnew() throws Exception {
    AccessList.allowReaching(file, ALICE);
    AccessList.allowWritingFuture(directory, ALICE);
    AccessList.allowWritingFuture(directory, BOB);
    AccessList.allowReaching(file, BOB);
    file = Files.createFile(
        directory.resolve("private"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    assertThat(may(ALICE, "tee -a")).isFalse();

    AccessList.allowWriting(file, ALICE);

    assertThat(may(ALICE, "tee -a")).isTrue();
    assertThat(may(BOB, "cat")).as("who was masked, too").isFalse();
  }

  private boolean may(Owner who, String program) throws Exception {
    Process process = new ProcessBuilder(
            "setpriv",
            "--reuid=" + who.uid(),
            "--regid=" + who.gid(),
            "--clear-groups",
            "sh",
            "-c",
            "exec " + program + " \"$1\" < /dev/null > /dev/null 2>&1",
            "sh",
            file.toString())
        .start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return process.exitValue() == 0;
  }
}
