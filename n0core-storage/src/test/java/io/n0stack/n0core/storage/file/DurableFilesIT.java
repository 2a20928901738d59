package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ROOT)
class DurableFilesIT {
  private static final int RACES = 100;

  @TempDir
  Path directory;

  private final DurableFiles files = new DurableFiles();

  @Test
  void whatAKilledProcessLeavesIsWholeOrSwept() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int swept = 0;
    // A test in which no kill hit the middle has shown nothing yet.
    for (int kill = 0; kill < Repetition.of(12) || (swept == 0 && kill < 100); kill++) {
      Process process = start("churn", directory);
      try (BufferedReader out = reader(process)) {
        assertThat(out.readLine()).isEqualTo("ready");
        process.waitFor(random.nextInt(40), TimeUnit.MILLISECONDS);
      } finally {
        Programs.end(process);
      }
      assertThat(process.exitValue()).isEqualTo(137);
      swept += files.sweep(directory).size();
      for (Path file : list()) {
        String name = file.getFileName().toString();
        assertThat(name.replaceAll("[a-z]+", ""))
            .as("seed %s", seed)
            .isEqualTo(Whole.label(file).replaceAll("record.*", ""));
        if (!name.equals("record")) {
          Files.delete(file);
        }
      }
    }
    assertThat(swept).as("kills that hit the middle, seed %s", seed).isPositive();
  }

  @Test
  void aProcessThatEndsBetweenStepsLeavesTheOldOrTheNew() throws Exception {
    Path record = directory.resolve("record");
    for (Seam.Step last : List.of(Seam.Step.CREATED, Seam.Step.SYNCED, Seam.Step.NAMED)) {
      Files.deleteIfExists(record);
      files.create(record, Whole.of("old"));
      boolean named = last.compareTo(Seam.Step.NAMED) >= 0;
      for (String what : List.of("create", "replace")) {
        assertThat(Programs.run(Programs.java(FileMaker.class, "halt", directory, last, what)))
            .isEqualTo(new Programs.Ended(9, ""));

        assertThat(files.sweep(directory)).as("%s %s", what, last).hasSize(named ? 0 : 1);
      }

      Path created = directory.resolve("creatednew");
      assertThat(Whole.label(record)).isEqualTo(named ? "new" : "old");
      assertThat(Files.exists(created)).isEqualTo(named);
      if (named) {
        assertThat(Whole.label(created)).isEqualTo("new");
        Files.delete(created);
      }
      assertThat(list()).containsExactly(record);
    }
  }

  @Test
  void ofTwoProcessesExactlyOneMakesEachFile() throws Exception {
    Process one = start("race", directory, "one");
    Process two = start("race", directory, "two");
    try (BufferedReader first = reader(one);
        BufferedReader second = reader(two)) {
      assertThat(first.readLine()).isEqualTo("ready");
      assertThat(second.readLine()).isEqualTo("ready");
      go(one);
      go(two);
      List<String> ones = first.lines().toList();
      List<String> twos = second.lines().toList();

      assertThat(ones).hasSize(RACES);
      assertThat(twos).hasSize(RACES);
      for (int race = 0; race < RACES; race++) {
        boolean wonByOne = ones.get(race).equals("won " + race);
        assertThat(wonByOne ? twos.get(race) : ones.get(race)).startsWith("lost ");
        assertThat(wonByOne || twos.get(race).equals("won " + race)).isTrue();
        assertThat(Whole.label(directory.resolve("race" + race)))
            .isEqualTo(wonByOne ? "one" : "two");
      }
      assertThat(list()).hasSize(RACES);
    } finally {
      Programs.end(one);
      Programs.end(two);
    }
  }

  @Test
  void aFullFileSystemLeavesNothingHalf() throws Exception {
    // The mount is in a mount namespace that dies with the process.
    List<String> mount = List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=1m,nr_inodes=40 tmpfs \"$0\" && exec \"$@\"",
        directory.toString());

    String said = Programs.run(
            Programs.within(mount, Programs.java(FileMaker.class, "starve", directory)))
        .output();

    String exhausted = "N0Exception EXHAUSTED";
    assertThat(said.lines())
        .startsWith(exhausted + " " + exhausted + " " + exhausted + " record old left []")
        .contains(
            "done " + exhausted + " " + exhausted + " record old left []",
            "done done done record new left []")
        .last()
        .asString()
        .startsWith("names OsException EXHAUSTED");
    assertThat(said.lines()).allMatch(line -> line.contains("left []") || line.contains("names"));
  }

  @Test
  void dataThatCannotBeSyncedIsNeverNamed() throws Exception {
    Path record = directory.resolve("record");
    files.create(record, Whole.of("old"));

    assertThat(each("fdatasync:error=EIO"))
        .contains("create OsException", "batch OsException", "replace OsException", "(EIO)")
        .contains("left []");
    assertThat(Whole.label(record)).isEqualTo("old");
    assertThat(list()).containsExactly(record);
  }

  @Test
  void aDirectoryThatCannotBeSyncedIsSaid() throws Exception {
    Path record = directory.resolve("record");
    files.create(record, Whole.of("old"));

    assertThat(each("fsync:error=EIO"))
        .contains("create OsException", "batch OsException", "left []")
        .contains("replace UnknownOutcomeException UNAVAILABLE");
    assertThat(Whole.label(record)).isEqualTo("new");
    assertThat(list()).containsExactly(record);
  }

  @Test
  void aFileSystemThatCannotRenameToAFreeNameLinks() throws Exception {
    assertThat(each("renameat2:error=EINVAL:when=1+2"))
        .contains("create done", "batch done", "replace done", "left []");
    assertThat(list()).hasSize(4);
    for (Path file : list()) {
      assertThat(Whole.label(file)).isEqualTo("new");
    }
  }

  @Test
  void aFileSystemWithoutLocksTakesFilesAndIsNotSwept() throws Exception {
    Path abandoned = directory.resolve(".n0-" + UUID.randomUUID() + ".tmp");
    assertThat(each("fcntl:error=ENOLCK")).contains("create done", "batch done", "left []");

    Files.createFile(abandoned);
    assertThat(each("fcntl:error=ENOLCK", "-P", abandoned.toString()))
        .contains("sweep UNSUPPORTED");

    assertThat(files.sweep(directory)).containsExactly(abandoned);
    assertThat(list()).hasSize(4);
  }

  /** Makes one file by each way, while the kernel gives the answer that it is told to. */
  private String each(String injection, String... more) throws Exception {
    String call = injection.substring(0, injection.indexOf(':'));
    List<String> strace = new ArrayList<>(List.of("strace", "-f", "-qq", "-o", "/dev/null"));
    strace.addAll(List.of(more));
    strace.addAll(List.of("-e", "trace=" + call, "-e", "inject=" + injection));
    return Programs.run(Programs.within(strace, Programs.java(FileMaker.class, "each", directory)))
        .output();
  }

  private static Process start(Object... arguments) throws IOException {
    return new ProcessBuilder(Programs.java(FileMaker.class, arguments))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static BufferedReader reader(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  private static void go(Process process) throws IOException {
    OutputStream in = process.getOutputStream();
    in.write('\n');
    in.flush();
  }

  private List<Path> list() throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
      paths.forEach(found::add);
    }
    return found;
  }
}
