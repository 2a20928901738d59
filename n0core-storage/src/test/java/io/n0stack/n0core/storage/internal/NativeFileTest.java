package io.n0stack.n0core.storage.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.OsException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.Map;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeFileTest {
  private static final int MIB = 1 << 20;
  private static final int F_DUPFD = 0; // asm-generic/fcntl.h

  @TempDir
  Path directory;

  private Path path;

  @BeforeEach
  void writeFile() throws Exception {
    byte[] content = new byte[MIB];
    Arrays.fill(content, (byte) 1);
    path = Files.write(directory.resolve("Scheibe-ä"), content);
  }

  @Test
  void knowsOfAFileWhatTheJdkKnows() throws Exception {
    Files.setLastModifiedTime(path, FileTime.fromMillis(1_234));
    Files.createLink(directory.resolve("other"), path);
    Map<String, Object> known = Files.readAttributes(path, "unix:*");

    FileStatus status = NativeFile.look(path).orElseThrow();

    assertThat(status.sizeBytes()).isEqualTo(MIB);
    assertThat(status.inode()).isEqualTo(known.get("ino"));
    assertThat(status.mode()).isEqualTo(known.get("mode"));
    assertThat(status.links()).isEqualTo(2).isEqualTo(known.get("nlink"));
    assertThat(status.modifiedNanos()).isEqualTo(1_234_000_000L);
    assertThat(status.isRegular()).isTrue();
    assertThat(status.isSameFile(NativeFile.look(directory.resolve("other")).orElseThrow()))
        .isTrue();
    assertThat(status.isSameFile(NativeFile.look(directory).orElseThrow())).isFalse();
    assertThat(NativeFile.look(directory).orElseThrow().isDirectory()).isTrue();
    assertThat(NativeFile.look(directory.resolve("none"))).isEmpty();
    assertThatThrownBy(() -> NativeFile.look(path.resolve("below")))
        .isInstanceOf(OsException.class)
        .hasMessageContaining("ENOTDIR");
  }

  @Test
  void takesBlocksAndGivesThemBack() throws Exception {
    try (NativeFile file = NativeFile.openForWriting(path)) {
      file.syncData();
      long before = file.status().allocatedBytes();
      assertThat(before).isGreaterThanOrEqualTo(MIB);

      assertThat(file.punchHole(0, MIB / 2)).isZero();
      assertThat(file.status().allocatedBytes()).isEqualTo(before - MIB / 2);
      assertThat(file.seekData(0)).isEqualTo(MIB / 2);
      assertThat(file.seekHole(MIB / 2)).isEqualTo(MIB);
      assertThat(file.seekData(MIB)).isEqualTo(-Errno.ENXIO.intValue());

      assertThat(file.allocateKeepingSize(MIB, MIB)).isZero();
      assertThat(file.status().sizeBytes()).isEqualTo(MIB);
      assertThat(file.status().allocatedBytes()).isEqualTo(before + MIB / 2);

      assertThat(file.zeroRange(MIB / 2, MIB / 2)).isZero();
      ByteBuffer read = ByteBuffer.allocateDirect(1);
      assertThat(file.read(read, 1, MIB - 1)).isEqualTo(1);
      assertThat(read.get(0)).isZero();
      assertThat(file.allocate(0, 0)).isEqualTo(-Errno.EINVAL.intValue());
      file.syncFileSystem();
    }
  }

  @Test
  void aLockBelongsToTheOpenFile() {
    try (NativeFile two = NativeFile.openForWriting(path)) {
      try (NativeFile one = NativeFile.openForWriting(path)) {
        assertThat(one.lockShared(5, 1)).isZero();
        assertThat(two.lockShared(5, 1)).isZero();
        assertThat(two.lockExclusive(4, 2)).isEqualTo(-Errno.EAGAIN.intValue());
        assertThat(two.findLock(0, 10)).contains(new LockConflict(false, 5, 1, -1));
        assertThat(two.unlock(5, 1)).isZero();
        assertThat(one.findLock(0, 0)).isEmpty();
        NativeFile.openForReading(path).close();
        assertThat(two.findLock(0, 10)).isPresent();
      }
      assertThat(two.findLock(0, 10)).isEmpty();
    }
  }

  @Test
  void namesAreTakenOnlyIfTheyAreFree() throws Exception {
    try (NativeDirectory open = NativeDirectory.open(directory)) {
      open.create("new").close();
      String taken = path.getFileName().toString();

      assertThat(open.renameToFree("new", taken)).isEqualTo(-Errno.EEXIST.intValue());
      assertThat(open.link("new", taken)).isEqualTo(-Errno.EEXIST.intValue());
      assertThat(open.link("new", "newer")).isZero();
      assertThat(open.look("newer").orElseThrow().links()).isEqualTo(2);
      assertThat(open.unlink("new")).isZero();
      assertThat(open.unlink("new")).isEqualTo(-Errno.ENOENT.intValue());
      assertThat(open.renameToFree("newer", "newest")).isZero();
      assertThat(open.rename("newest", taken)).isZero();
      assertThatThrownBy(() -> open.create(taken)).hasMessageEndingWith("File exists (EEXIST)");
      assertThat(Files.size(path)).isZero();
      open.sync();
    }
  }

  @Test
  void whatIsClosedIsOfNoUse() {
    NativeFile file = NativeFile.openForReading(path);
    file.close();
    file.close();

    assertThat(file.isOpen()).isFalse();
    assertThatThrownBy(file::status)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(path + " is closed");
  }

  /** As a process has them that was just forked, and is not another program yet. */
  @Test
  void copiesOfTheDescriptorKeepNoLockThatWasGivenBack() {
    NativeFile file = NativeFile.openForWriting(path);
    assertThat(file.lockExclusive(0, 10)).isZero();
    assertThat(file.lockShared(100, 1)).isZero();
    int copy = LibC.INSTANCE.fcntl(file.fd(), F_DUPFD, 0L);
    assertThat(copy).isPositive();
    try (NativeFile other = NativeFile.openForWriting(path)) {
      assertThat(other.findLock(0, 0)).isPresent();

      file.close();

      assertThat(other.findLock(0, 0)).isEmpty();
      assertThat(other.lockExclusive(0, 0)).isZero();
    } finally {
      assertThat(LibC.INSTANCE.close(copy)).isZero();
    }
  }
}
