package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RemovedTreeTest {
  private static final int ROUNDS = 300;
  private static final int AT_FDCWD = -100; // fcntl.h
  private static final int RENAME_EXCHANGE = 2; // linux/fs.h
  // More than a process may have open where its limit is the usual one.
  private static final int DEEP = 1200;

  @TempDir
  Path directory;

  /** The one call that is needed here, named as in the manual. */
  public interface Renaming {
    int renameat2(int fromDirectory, byte[] from, int toDirectory, byte[] to, int flags);
  }

  /** Exchanges a directory and a link to a victim as fast as the kernel does, as QEMU's user could. */
  private static Thread exchanging(Path one, Path two, AtomicBoolean on) {
    Renaming libc = LibraryLoader.create(Renaming.class).load("c");
    byte[] from = (one + "\0").getBytes(StandardCharsets.UTF_8);
    byte[] to = (two + "\0").getBytes(StandardCharsets.UTF_8);
    Thread thread = new Thread(() -> {
      while (on.get()) {
        libc.renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
      }
    });
    thread.start();
    return thread;
  }

  @Test
  void aDirectoryThatIsExchangedForALinkMeanwhileLeadsNowhereElse() throws Exception {
    Path victim = Files.createDirectory(directory.resolve("victim"));
    Path precious = Files.createFile(victim.resolve("file0"));
    for (int round = 0; round < ROUNDS; round++) {
      Path top = Files.createDirectory(directory.resolve("run." + round));
      Path real = Files.createDirectory(top.resolve("a"));
      for (int i = 0; i < 50; i++) {
        Files.createFile(real.resolve("file" + i));
      }
      Path link = Files.createSymbolicLink(top.resolve("b"), victim);
      AtomicBoolean on = new AtomicBoolean(true);
      Thread foe = exchanging(real, link, on);
      try {
        DurableFiles.removeTree(top, "off");
      } catch (IOException e) {
        assertThat(precious).as("round %d: %s", round, e).exists();
      } finally {
        on.set(false);
        foe.join();
      }
      assertThat(precious).as("round %d", round).exists();

      DurableFiles.removeTree(top, "off");
      assertThat(top).doesNotExist();
    }
  }

  @Test
  void aTreeMayBeDeeperThanFilesCanBeOpenAndItsLastFileGoesLast() throws Exception {
    Path top = Files.createDirectory(directory.resolve("run.0"));
    Path at = top;
    for (int level = 0; level < DEEP; level++) {
      at = Files.createDirectory(at.resolve("d"));
    }
    Files.createFile(at.resolve("file"));
    Files.createFile(top.resolve("off"));
    Files.createSymbolicLink(top.resolve("link"), directory);

    DurableFiles.removeTree(top, "off");

    try (Stream<Path> left = Files.list(directory)) {
      assertThat(left).isEmpty();
    }
  }
}
