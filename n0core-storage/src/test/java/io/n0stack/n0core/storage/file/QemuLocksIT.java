package io.n0stack.n0core.storage.file;

import static io.n0stack.n0core.storage.file.ImageUse.Permission.CONSISTENT_READ;
import static io.n0stack.n0core.storage.file.ImageUse.Permission.RESIZE;
import static io.n0stack.n0core.storage.file.ImageUse.Permission.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class QemuLocksIT {
  private static final Set<ImageUse.Permission> WRITER = Set.of(CONSISTENT_READ, WRITE, RESIZE);

  @TempDir
  Path directory;

  private Path image;

  @BeforeEach
  void makeImage() {
    image = directory.resolve("root.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "8M");
  }

  @Test
  void nobodyUsesAnImageThatIsClosed() {
    assertThat(QemuLocks.look(image)).isEqualTo(new ImageUse(Set.of(), Set.of(), List.of()));
    assertThat(QemuLocks.look(image).isUsed()).isFalse();
  }

  @Test
  void aWriterIsSeenAndNamed() throws Exception {
    Process writer = start("qemu-io", "-f", "qcow2", image.toString());
    try {
      ImageUse use = used(image, WRITER);

      assertThat(use.held()).isEqualTo(WRITER);
      assertThat(use.denied()).isEqualTo(Set.of(WRITE, RESIZE));
      assertThat(use.isWritten()).isTrue();
      assertThat(use.holders()).containsExactly(new ImageUse.Holder(writer.pid(), "qemu-io"));
      assertThatThrownBy(() -> QemuLocks.exclusive(image))
          .hasMessage("lock \"" + image + "\": it is used, held: consistent read, write, resize;"
              + " denied: write, resize; by qemu-io (" + writer.pid() + ")")
          .asInstanceOf(type(N0Exception.class))
          .returns(N0Exception.Code.BUSY, N0Exception::code);
      assertThatThrownBy(() -> QemuLocks.shared(image)).hasMessageContaining("it is used");
    } finally {
      Programs.end(writer);
    }
    QemuLocks.exclusive(image).close();
  }

  @Test
  void aReaderIsSeenAndDoesNotKeepOthersFromReading() throws Exception {
    Process reader = start("qemu-io", "-r", "-f", "qcow2", image.toString());
    try {
      ImageUse use = used(image, Set.of(CONSISTENT_READ));

      assertThat(use.held()).isEqualTo(Set.of(CONSISTENT_READ));
      assertThat(use.isWritten()).isFalse();
      assertThatThrownBy(() -> QemuLocks.exclusive(image)).hasMessageContaining("qemu-io");
      QemuLocks.shared(image).close();
    } finally {
      Programs.end(reader);
    }
  }

  @Test
  void theBaseOfARunningOverlayIsInUse() throws Exception {
    Path overlay = directory.resolve("overlay.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, overlay);
    Process writer = start("qemu-io", "-f", "qcow2", overlay.toString());
    try {
      used(overlay, WRITER);

      used(image, Set.of(CONSISTENT_READ));
      assertThatThrownBy(() -> QemuLocks.exclusive(image)).hasMessageContaining("it is used");
    } finally {
      Programs.end(writer);
    }
  }

  @Test
  void theStorageDaemonAndTheNbdServerAreSeen() throws Exception {
    Process daemon = start(
        "qemu-storage-daemon",
        "--blockdev",
        "driver=file,node-name=file,filename=" + image,
        "--blockdev",
        "driver=qcow2,node-name=disk,file=file",
        "--nbd-server",
        "addr.type=unix,addr.path=" + directory.resolve("daemon"),
        "--export",
        "nbd,id=disk,node-name=disk,writable=on");
    try {
      assertThat(used(image, WRITER).holders())
          .containsExactly(new ImageUse.Holder(daemon.pid(), "qemu-storage-da"));
    } finally {
      Programs.end(daemon);
    }
    Process server = start(
        "qemu-nbd", "-t", "-k", directory.resolve("nbd").toString(), "-f", "qcow2", image + "");
    try {
      assertThat(used(image, WRITER).held()).isEqualTo(WRITER);
    } finally {
      Programs.end(server);
    }
  }

  @Test
  void qemuRefusesWhatIsLockedHereThoughOtherChannelsWereClosed() throws Exception {
    Path socket = directory.resolve("nbd");
    try (ImageLock lock = QemuLocks.exclusive(image)) {
      FileChannel.open(image, StandardOpenOption.READ).close();
      try (FileChannel channel = lock.open(StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        ByteBuffer magic = ByteBuffer.allocate(4);
        channel.read(magic, 0);
        assertThat(magic.array()).isEqualTo(new byte[] {'Q', 'F', 'I', (byte) 0xfb});
      }

      String path = image.toString();
      refused("qemu-img", "info", "-f", "qcow2", path);
      refused("qemu-img", "snapshot", "-c", "now", path);
      refused("qemu-img", "resize", "-q", "-f", "qcow2", path, "16M");
      refused("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, directory + "/copy");
      refused("qemu-io", "-f", "qcow2", "-c", "write 0 512", path);
      refused("qemu-nbd", "-k", socket.toString(), "-f", "qcow2", path);
      refused(
          "qemu-storage-daemon",
          "--blockdev",
          "driver=file,node-name=file,filename=" + path,
          "--blockdev",
          "driver=qcow2,node-name=disk,file=file",
          "--nbd-server",
          "addr.type=unix,addr.path=" + socket,
          "--export",
          "nbd,id=disk,node-name=disk,writable=on");
      assertThat(Images.qemuImg("info", "-U", "-f", "qcow2", image)).contains("8 MiB");
    }
    Images.qemuImg("snapshot", "-c", "now", image);
  }

  @Test
  void readersAreLetInAndWritersAreNotWhileItIsLockedForReading() throws Exception {
    try (ImageLock lock = QemuLocks.shared(image)) {
      lock.open(StandardOpenOption.READ).close();
      assertThat(Images.qemuImg("info", "-f", "qcow2", image)).contains("8 MiB");
      refused("qemu-img", "snapshot", "-c", "now", image.toString());
      assertThatThrownBy(() -> QemuLocks.exclusive(image))
          .hasMessageContaining("(" + ProcessHandle.current().pid() + ")");
      QemuLocks.shared(image).close();
    }
    QemuLocks.exclusive(image).close();
  }

  @Test
  void twoHereExcludeEachOtherAndALockEndsOnce() {
    ImageLock first = QemuLocks.exclusive(image);

    assertThatThrownBy(() -> QemuLocks.exclusive(image)).hasMessageContaining("it is used");
    first.close();
    first.close();
    QemuLocks.exclusive(image).close();
    assertThatThrownBy(() -> first.open(StandardOpenOption.READ))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aLockOfAnotherKindOnTheSameBytesIsInTheWayToo() throws Exception {
    try (NativeFile other = NativeFile.openForWriting(image)) {
      assertThat(other.lockExclusive(100, 200)).isZero();

      assertThatThrownBy(() -> QemuLocks.exclusive(image)).hasMessageContaining("it is used");
      assertThat(QemuLocks.look(image).held()).contains(ImageUse.Permission.OTHER);
    }
  }

  @Test
  void whatIsNoImageIsRefusedAndNothingWaits() throws Exception {
    Path pipe = directory.resolve("pipe");
    Images.run(List.of("mkfifo", pipe.toString()));
    Path link = Files.createSymbolicLink(directory.resolve("link"), image);

    assertThatThrownBy(() -> QemuLocks.look(pipe))
        .hasMessage("invalid image \"" + pipe + "\": must be a regular file or a block device");
    assertThatThrownBy(() -> QemuLocks.exclusive(directory)).hasMessageContaining("(EISDIR)");
    assertThatThrownBy(() -> QemuLocks.exclusive(link)).hasMessageContaining("(ELOOP)");
    assertThatThrownBy(() -> QemuLocks.look(directory.resolve("none")))
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.NOT_FOUND, N0Exception::code);
    assertThat(QemuLocks.look(link).isUsed()).isFalse();
  }

  @Test
  void aFileSystemWithoutLocksIsNotTakenForAnImageWithoutUsers() throws Exception {
    for (String errno : List.of("ENOLCK", "EOPNOTSUPP")) {
      List<String> strace = List.of(
          "strace",
          "-f",
          "-qq",
          "-o",
          "/dev/null",
          "-P",
          image.toString(),
          "-e",
          "trace=fcntl",
          "-e",
          "inject=fcntl:error=" + errno);

      String said = Programs.run(Programs.within(strace, Programs.java(Looker.class, image)))
          .output();

      assertThat(said)
          .contains("look UNSUPPORTED")
          .contains("exclusive UNSUPPORTED")
          .contains("nothing is known of other users (" + errno + ")");
    }
  }

  private static void refused(String... command) throws Exception {
    Programs.Ended ended = Programs.run(command);
    assertThat(ended.exit()).as("%s: %s", List.of(command), ended.output()).isNotZero();
    assertThat(ended.output()).contains("lock");
  }

  private static Process start(String... command) throws Exception {
    return new ProcessBuilder(command)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** QEMU locks less, or more, than it wants while it opens, so what it ends with is awaited. */
  private static ImageUse used(Path image, Set<ImageUse.Permission> held) {
    ImageUse[] seen = {QemuLocks.look(image)};
    await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
      ImageUse last = seen[0];
      seen[0] = QemuLocks.look(image);
      assertThat(last.held()).isEqualTo(held);
      assertThat(last.denied()).isEqualTo(Set.of(WRITE, RESIZE));
      assertThat(seen[0]).isEqualTo(last);
    });
    return seen[0];
  }
}
