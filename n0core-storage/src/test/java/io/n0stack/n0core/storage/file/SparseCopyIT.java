package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mounts are in mount namespaces that die with the processes that see them. */
@Requires(Requirement.ROOT)
class SparseCopyIT {
  @TempDir
  Path directory;

  private Path mounted;

  @BeforeEach
  void makePlace() throws IOException {
    mounted = Files.createDirectory(directory.resolve("mounted"));
  }

  @Test
  void copiesWithinMemoryAndFromItToADisk() throws Exception {
    assertThat(copied(tmpfs("200m"), mounted, mounted, 40)).isEqualTo("ways [KERNEL] left []\n");
    // Of files without data the kernel has nothing to refuse.
    assertThat(copied(tmpfs("200m"), mounted, directory, 40))
        .startsWith("ways [")
        .endsWith("READ_AND_WRITTEN] left []\n");
  }

  @Test
  void aFullFileSystemIsSaidAndKeepsNothing() throws Exception {
    write(directory.resolve("source"));

    assertThat(copied(tmpfs("2m"), directory, mounted, 1))
        .startsWith("EXHAUSTED ")
        .contains("No space left on device (ENOSPC)")
        .endsWith("ways [] left []\n");
  }

  @Test
  void aCloneOnXfsSharesAllBlocks() throws Exception {
    write(directory.resolve("source"));
    Path image = directory.resolve("xfs");
    Images.run(List.of("truncate", "-s", "400m", image.toString()));
    Images.run(List.of("mkfs.xfs", "-q", "-m", "reflink=1", image.toString()));
    String script = "mount -o loop '" + image + "' \"$0\" && cp '"
        + directory.resolve("source") + "' \"$0/source\" && \"$@\" && filefrag -v \"$0/copy\""
        + " && rm \"$0/copy\" && strace -f -qq -o /dev/null -e trace=ioctl"
        + " -e inject=ioctl:error=EOPNOTSUPP \"$@\" && filefrag -v \"$0/copy\"";

    String said = Programs.run(
            Programs.within(inNamespace(script), Programs.java(Copier.class, mounted, mounted, 1)))
        .output();

    assertThat(said).contains("ways [CLONED] left []").contains("ways [KERNEL] left []");
    assertThat(said.lines().filter(line -> line.matches(" +\\d+: +\\d+\\.\\..*")))
        .isNotEmpty()
        .allMatch(line -> line.contains("shared"));
  }

  @Test
  void eachRefusalOfTheKernelHasAnotherWay() throws Exception {
    write(directory.resolve("source"));
    for (String lie : List.of(
        "copy_file_range:error=ENOSYS",
        "copy_file_range:retval=0",
        "copy_file_range:error=EINVAL:when=2",
        "lseek:error=EINVAL")) {
      assertThat(lied(lie)).as(lie).isEqualTo("ways [READ_AND_WRITTEN] left []\n");
    }
    assertThat(lied("copy_file_range:error=EINTR:when=1")).isEqualTo("ways [KERNEL] left []\n");
  }

  @Test
  void anErrorOfTheDiskIsNoRefusal() throws Exception {
    write(directory.resolve("source"));

    assertThat(lied("copy_file_range:error=EIO"))
        .contains("copy \"" + directory.resolve("source") + "\": ", "(EIO)")
        .endsWith("ways [] left []\n");
  }

  /** Copies while the kernel gives the answer that it is told to, to calls about the source. */
  private String lied(String injection) throws Exception {
    String call = injection.substring(0, injection.indexOf(':'));
    List<String> strace = List.of(
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        directory.resolve("source").toString(),
        "-e",
        "trace=" + call,
        "-e",
        "inject=" + injection);
    String said = copied(strace, directory, mounted, 1);
    Files.deleteIfExists(mounted.resolve("copy"));
    return said;
  }

  private List<String> tmpfs(String size) {
    return inNamespace("mount -t tmpfs -o size=" + size + " tmpfs \"$0\" && exec \"$@\"");
  }

  private List<String> inNamespace(String script) {
    return List.of("unshare", "-m", "sh", "-c", script, mounted.toString());
  }

  private static String copied(List<String> prefix, Path from, Path to, int times)
      throws Exception {
    List<String> command =
        new ArrayList<>(Programs.within(prefix, Programs.java(Copier.class, from, to, times)));
    return Programs.run(command).output();
  }

  private static void write(Path file) throws IOException {
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      out.write(Layouts.bytes(new Random(1), 20 << 20), 5 << 20);
      out.force(true);
    }
  }
}
