package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ROOT)
class PreallocationIT {
  @TempDir
  Path directory;

  @Test
  void aFileSystemThatCannotReserveIsSaid() throws Exception {
    List<String> strace = List.of(
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        directory.resolve("reserved").toString(),
        "-e",
        "trace=fallocate",
        "-e",
        "inject=fallocate:error=EOPNOTSUPP");

    assertThat(run(strace, "reserve"))
        .isEqualTo("UNSUPPORTED allocate \"" + directory.resolve("reserved")
            + "\": its file system cannot reserve blocks 0\n");
  }

  @Test
  void spaceThatAnotherTakesMeanwhileIsSaidAndTheLengthIsAsBefore() throws Exception {
    // The mount is in a mount namespace that dies with the process.
    List<String> mount = List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=12m tmpfs \"$0\" && exec \"$@\"",
        directory.toString());

    assertThat(run(mount, "crowd")).isEqualTo("EXHAUSTED mine\n");
  }

  private String run(List<String> prefix, String what) throws Exception {
    return Programs.run(Programs.within(prefix, Programs.java(FileMaker.class, what, directory)))
        .output();
  }
}
