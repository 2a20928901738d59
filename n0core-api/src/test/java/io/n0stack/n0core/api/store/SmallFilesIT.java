package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Replacement in a process that is killed at each of its system calls, or that the kernel refuses. */
@Timeout(120)
class SmallFilesIT {
  @TempDir
  Path directory;

  private Path record;

  @BeforeEach
  void writeOld() throws IOException {
    record = Files.writeString(directory.resolve("record"), "old");
  }

  @ParameterizedTest
  @CsvSource({"write,1,old", "fsync,1,old", "rename,1,old", "fsync,2,new"})
  void aProcessThatIsKilledAtACallLeavesTheOldOrTheNew(String call, int when, String left)
      throws Exception {
    int code = run(call, "signal=KILL:when=" + when, new StringBuilder());

    // The kill comes when the call has begun: a rename, which does not wait, is done or not.
    assertThat(code).isNotZero();
    assertThat(Files.readString(record))
        .isIn(call.equals("rename") ? List.of("old", "new") : List.of(left));
    SmallFiles.sweep(directory);
    assertThat(directory).isDirectoryNotContaining("glob:**/.tmp-*");
  }

  @ParameterizedTest
  @CsvSource({
    "write,error=ENOSPC,old,'not written, full true'",
    "fsync,error=EIO:when=1,old,'not written, full false'",
    "fsync,error=ENOSPC:when=1,old,'not written, full true'",
    "rename,error=ENOSPC,old,'not written, full true'",
    "rename,error=EIO,old,'unknown, full false'",
    "fsync,error=EIO:when=2,new,'unknown, full false'"
  })
  void whatTheKernelRefusesIsSaid(String call, String error, String left, String said)
      throws Exception {
    StringBuilder output = new StringBuilder();

    assertThat(run(call, error, output)).isZero();

    assertThat(output).hasToString(said);
    assertThat(record).hasContent(left);
  }

  @Test
  void aFileSystemThatIsFullKeepsTheOldFile() throws Exception {
    // The mount is in a mount namespace that dies with the process.
    List<String> mount = List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=64k tmpfs \"$0\" && echo -n old > \"$0/record\" && \"$@\""
            + " && echo $(cat \"$0/record\"; ls -A \"$0\")",
        directory.toString());
    FileStoreProcessIT.assumePossible(List.of("unshare", "-m"), "a mount namespace is needed");

    try (ChildJvm child =
        ChildJvm.start(mount, SmallFileWriter.class, record.toString(), "n".repeat(100_000))) {
      assertThat(child.line()).isEqualTo("not written, full true");
      assertThat(child.line()).isEqualTo("oldrecord");
      assertThat(child.exitCode()).isZero();
    }
  }

  /** Has the new content written while one call, of those on this file, is tampered with. */
  private int run(String call, String injection, StringBuilder output) throws Exception {
    FileStoreProcessIT.assumePossible(List.of("strace", "-qq"), "strace is needed");
    List<String> strace = List.of(
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        record.toString(),
        "-P",
        directory.resolve(".tmp-record").toString(),
        "-P",
        directory.toString(),
        "-e",
        "trace=" + call,
        "-e",
        "inject=" + call + ":" + injection);
    try (ChildJvm child = ChildJvm.start(strace, SmallFileWriter.class, record.toString(), "new")) {
      output.append(child.line());
      return child.exitCode();
    }
  }
}
