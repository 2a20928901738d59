package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The store among real processes: other openers, SIGKILL, a full file system. */
@Timeout(300)
class FileStoreProcessIT {
  private static final int KILLS = 25;

  @TempDir
  Path temporary;

  @Test
  void aSecondProcessIsRefusedNamingTheFirstUntilThatDies() {
    Path directory = temporary.resolve("store");
    try (ChildJvm holder = ChildJvm.start(StoreHolder.class, directory.toString())) {
      assertThat(holder.line()).isEqualTo("open");

      assertThat(Refusal.of(N0Exception.Code.BUSY, () -> FileStore.open(directory)))
          .hasMessageContaining("in use by pid " + holder.pid() + ";");
      holder.kill();
    }
    FileStore.open(directory).close();
  }

  @Test
  void aSecondOpenerInTheSameProcessDoesNotLoosenTheFirstOnesLock() {
    Path directory = temporary.resolve("store");
    try (FileStore first = FileStore.open(directory)) {
      long me = ProcessHandle.current().pid();
      assertThat(Refusal.of(N0Exception.Code.BUSY, () -> FileStore.open(directory)))
          .hasMessageContaining("in use by pid " + me + ";");

      assertThat(openElsewhere(directory)).isEqualTo("BUSY pid " + me);
      first.put("a", "1", Store.NONE);
    }
    assertThat(openElsewhere(directory)).isEqualTo("open");
    FileStore.open(directory).close();
  }

  @Test
  void anotherNameOfTheDirectoryIsTheSameStore() throws IOException {
    Path directory = temporary.resolve("store");
    try (FileStore first = FileStore.open(directory)) {
      Path alias = Files.createSymbolicLink(temporary.resolve("alias"), directory);

      Refusal.of(N0Exception.Code.BUSY, () -> FileStore.open(alias));
      assertThat(openElsewhere(alias)).startsWith("BUSY");
      assertThat(first.list("")).isEmpty();
    }
  }

  private static String openElsewhere(Path directory) {
    try (ChildJvm other = ChildJvm.start(StoreHolder.class, directory.toString())) {
      return other.line();
    }
  }

  @Test
  void noAcknowledgedWriteIsLostOrTornByKill() throws IOException {
    Path directory = temporary.resolve("store");
    long seed = System.nanoTime();
    Random random = new Random(seed);
    long lastRevision = 0;
    int acknowledged = 0;
    for (int round = 0; round < KILLS; round++) {
      Journal journal = new Journal("seed " + seed + ", kill " + round, lastRevision);
      try (ChildJvm writer = ChildJvm.start(StoreWriter.class, directory.toString(), "" + round)) {
        for (int lines = 1 + random.nextInt(120); lines > 0; lines--) {
          journal.note(writer.line());
        }
        spin(random.nextInt(3_000_000));
        writer.kill();
        String line = writer.output().readLine();
        while (line != null && (line.endsWith(" .") || line.endsWith(" ?"))) {
          journal.note(line);
          line = writer.output().readLine();
        }
      }
      lastRevision = journal.check(directory);
      acknowledged += journal.acknowledged.size();
    }
    assertThat(acknowledged).as("records acknowledged").isGreaterThan(KILLS);
  }

  /** What a writer said before it was killed. */
  private static final class Journal {
    private final String at;
    private final Map<String, Long> acknowledged = new HashMap<>();
    private String triedKey = "";
    private long triedNumber;
    private long lastRevision;

    Journal(String at, long lastRevision) {
      this.at = at;
      this.lastRevision = lastRevision;
    }

    /** Reads "KEY NUMBER REVISION MARK": "?" is said before, "." after; number 0 is a deletion. */
    void note(String line) {
      String[] words = line.split(" ");
      assertThat(words).as(at + ": " + line).hasSize(4);
      if (words[3].equals("?")) {
        triedKey = words[0];
        triedNumber = Long.parseLong(words[1]);
        return;
      }
      acknowledged.put(words[0], Long.parseLong(words[1]));
      long revision = Long.parseLong(words[2]);
      if (revision != 0) {
        assertThat(revision).as(at).isGreaterThan(lastRevision);
        lastRevision = revision;
      }
    }

    /** Only the change that was under way may be found made or not made. */
    long check(Path directory) throws IOException {
      try (FileStore store = FileStore.open(directory)) {
        assertThat(store.quarantined()).as(at).isEmpty();
        try (Stream<Path> files = Files.list(directory.resolve("records"))) {
          assertThat(files).as(at).noneMatch(file -> file.toString().contains(".tmp-"));
        }
        acknowledged.forEach((key, number) -> {
          long found =
              store.find(key).map(record -> StoreWriter.number(record.value())).orElse(0L);
          if (!key.equals(triedKey) || found != triedNumber) {
            assertThat(found).as(at + ", " + key).isEqualTo(number);
          }
        });
        long mine =
            store.put("check", "x", store.find("check").map(Versioned::revision).orElse(0L));
        assertThat(mine).as(at).isGreaterThan(lastRevision);
        return mine;
      }
    }
  }

  private static void spin(long nanos) {
    long end = System.nanoTime() + nanos;
    while (System.nanoTime() < end) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aFullFileSystemLeavesTheOldRecordAndAUsableStore() {
    List<String> isolated = List.of("unshare", "--mount", "--map-root-user");
    assumePossible(isolated, "a tmpfs of its own needs root or user namespaces");
    List<String> wrapper = List.of(
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        "mount -t tmpfs -o size=128k tmpfs \"$0\" && exec \"$@\"",
        temporary.toString());

    try (ChildJvm child =
        ChildJvm.start(wrapper, StoreFiller.class, temporary.resolve("store").toString())) {
      assertThat(child.line()).isEqualTo("EXHAUSTED");
      assertThat(child.line()).isEqualTo("old record stands, others can be written");
      assertThat(child.exitCode()).isZero();
    }
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void aWriteIsSyncedBeforeItIsSeenAndTheDirectoryAfter() throws IOException {
    Path trace = temporary.resolve("trace");
    List<String> strace =
        List.of("strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename", "-o", trace.toString());
    assumePossible(List.of("strace", "-qq"), "strace is needed");
    Path directory = temporary.resolve("store");

    try (ChildJvm child = ChildJvm.start(strace, StoreOnce.class, directory.toString())) {
      assertThat(child.line()).isEqualTo("acknowledged");
      assertThat(child.exitCode()).isZero();
    }

    String calls = Files.readString(trace)
        .lines()
        .filter(line -> line.contains("machine.web1") || line.contains("store/records>"))
        .map(line -> line.replaceFirst("^[0-9]+ +", "").replace(directory.toString(), ""))
        .map(line -> line.replaceFirst("\\([0-9]+<", "(<").replaceFirst(" += .*", ""))
        .reduce("", (all, line) -> all + line + "\n");
    assertThat(calls).isEqualTo("""
            fsync(</records>)
            fsync(</records/.tmp-machine.web1>)
            rename("/records/.tmp-machine.web1", "/records/machine.web1")
            fsync(</records>)
            """);
  }

  @Test
  void aRecordThatTheDiskDoesNotGiveBackIsPutAsideAndTheOthersAreServed() throws IOException {
    Path directory = temporary.resolve("store");
    try (FileStore store = FileStore.open(directory)) {
      store.put("machine/bad", "1", Store.NONE);
      store.put("machine/good", "2", Store.NONE);
    }
    Path bad = directory.resolve("records/machine.bad");
    assumePossible(List.of("strace", "-qq"), "strace is needed");

    assertThat(readUnder(bad, "read,pread64:error=EIO", directory))
        .isEqualTo("quarantined machine/bad, serving [machine/good]");
    assertThat(bad).doesNotExist();
    assertThat(directory.resolve("quarantine")).isDirectoryContaining("glob:**/machine.bad.*");
  }

  @Test
  void aProcessThatMayNotReadPutsNothingAside() throws IOException {
    Path directory = temporary.resolve("store");
    try (FileStore store = FileStore.open(directory)) {
      store.put("machine/bad", "1", Store.NONE);
    }
    Path records = directory.resolve("records");
    assumePossible(List.of("strace", "-qq"), "strace is needed");

    assertThat(readUnder(records.resolve("machine.bad"), "openat,open:error=EACCES", directory))
        .isEqualTo("PERMISSION");
    assertThat(records.resolve("machine.bad")).exists();
  }

  private String readUnder(Path file, String inject, Path directory) {
    List<String> strace = List.of(
        "strace",
        "-f",
        "-qq",
        "-o",
        temporary.resolve("trace").toString(),
        "-P",
        file.toString(),
        "-e",
        "inject=" + inject);
    try (ChildJvm child = ChildJvm.start(strace, StoreReader.class, directory.toString())) {
      return child.line();
    }
  }

  static void assumePossible(List<String> wrapper, String otherwise) {
    List<String> command = new java.util.ArrayList<>(wrapper);
    command.add("true");
    boolean possible;
    try {
      Process trial = new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
      possible = trial.waitFor(10, TimeUnit.SECONDS) && trial.exitValue() == 0;
    } catch (IOException e) {
      possible = false;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    boolean promised = String.valueOf(System.getenv("N0CORE_REQUIRE")).contains("root");
    assertThat(possible || !promised)
        .as("N0CORE_REQUIRE promises root; " + otherwise)
        .isTrue();
    assumeTrue(possible, otherwise);
  }
}
