package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qemuimg.ForeignImage.Format;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of strangers, good and bad. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ForeignIT {
  private static final long MIB = 1 << 20;
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));
  private static final String SECRET = "the host's secret";

  @TempDir
  Path directory;

  private final QemuImg qemuImg = QemuImg.installed();
  private Path raw;
  private Path victim;

  @BeforeEach
  void files() throws IOException {
    byte[] content = new byte[(int) MIB];
    new Random(7).nextBytes(content);
    raw = Files.write(directory.resolve("raw"), content);
    victim = Files.writeString(directory.resolve("victim"), SECRET.repeat(4096));
    Files.setPosixFilePermissions(victim, PosixFilePermissions.fromString("rw-rw-rw-"));
  }

  @Test
  void imagesOfOtherProgramsAreCopied() throws IOException {
    for (Format format : List.of(Format.VMDK, Format.VDI, Format.VHDX, Format.QCOW2)) {
      for (NewImage form : List.of(Raw.sparse(), Qcow2.standard())) {
        ForeignImage source = image(format);
        Path target = directory.resolve("a, b -o " + format + form.getClass().getSimpleName());
        List<Double> told = new ArrayList<>();

        qemuImg.convertForeign(
            source, target, form, ConvertOptions.standard(), MINUTE.reporting(told::add));

        Images.qemuImg(
            "compare", "-f", "raw", "-F", form instanceof Raw ? "raw" : "qcow2", raw, target);
        assertThat(Files.getOwner(target)).isEqualTo(Files.getOwner(raw));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target)))
            .isEqualTo("rw-------");
      }
      assertThat(qemuImg.foreignSizeBytes(image(format), MINUTE)).isEqualTo(MIB);
    }
    assertThat(Path.of("/sys/kernel")).as("the host's own").exists();
  }

  @Test
  void aStreamOptimizedVmdkIsCopiedAndOneOfSeveralFilesIsNot() throws IOException {
    Path stream = directory.resolve("stream");
    Images.qemuImg(
        "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, stream);
    Path flat = directory.resolve("flat");
    Images.qemuImg("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", flat, "1M");

    Path target = convert(new ForeignImage(open(stream), Format.VMDK), "stream copy");

    assertThat(Files.mismatch(raw, target)).isEqualTo(-1);
    refused(new ForeignImage(open(flat), Format.VMDK), N0Exception.Code.INVALID);
  }

  @Test
  void aDescriptorThatNamesAFileOfTheHostIsRefusedByTheGate() throws IOException {
    String descriptor = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
        + "createType=\"monolithicFlat\"\nRW 8 FLAT \"" + victim + "\" 0\n";
    Path text = Files.writeString(directory.resolve("text"), descriptor + "#".repeat(4096));
    Path hidden = directory.resolve("hidden"); // a sparse header of capacity 0 leads to a text
    Images.qemuImg("create", "-f", "vmdk", hidden, "1M");
    byte[] bytes = Files.readAllBytes(hidden);
    Arrays.fill(bytes, 12, 20, (byte) 0);
    Arrays.fill(bytes, 512, 512 + 10240, (byte) 0);
    byte[] words = descriptor.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(words, 0, bytes, 512, words.length);
    Files.write(hidden, bytes);
    Path parent = directory.resolve("parent");
    Images.qemuImg("create", "-f", "vmdk", parent, "1M");
    bytes = Files.readAllBytes(parent);
    words = ("parentFileNameHint=\"" + victim + "\"\n").getBytes(StandardCharsets.UTF_8);
    System.arraycopy(words, 0, bytes, 512 + 1000, words.length);
    Files.write(parent, bytes);

    for (Path attack : List.of(text, hidden, parent)) {
      refused(new ForeignImage(open(attack), Format.VMDK), N0Exception.Code.INVALID);
    }
    assertThat(leaks(List.of("-f", "vmdk", text.toString()), "unconfined"))
        .as("the attack works without us")
        .isTrue();
  }

  @Test
  void whatPassesAGateGetsNothingInTheRoom() throws IOException {
    String json =
        "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"" + victim + "\"}}";
    List<String> backings = List.of(victim.toString(), json, "/etc/shadow", "/proc/1/environ");
    for (String backing : backings) {
      Path overlay = directory.resolve("overlay");
      Files.deleteIfExists(overlay);
      Images.qemuImg("create", "-u", "-f", "qcow2", "-b", backing, "-F", "raw", overlay, "64k");
      assertThat(leaks(List.of("-f", "qcow2", overlay.toString()), "unconfined"))
          .as(backing)
          .isEqualTo(backing.contains("victim"));

      assertThatThrownBy(() -> convert(new ForeignImage(open(overlay), Format.QCOW2), "copy"))
          .isInstanceOfSatisfying(
              QemuImgException.class,
              e -> assertThat(e.stderr()).contains("No such file or directory"));
      assertThat(directory.resolve("copy")).doesNotExist();
    }
  }

  @Test
  void aDataFileOutsideIsNeitherReadNorWritten() throws IOException {
    Path image = directory.resolve("image");
    Path data = directory.resolve("data");
    Images.qemuImg("create", "-f", "qcow2", "-o", "data_file=" + data, image, "64k");
    Files.writeString(data, SECRET.repeat(4096));
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rw-rw-rw-"));
    byte[] before = Files.readAllBytes(data);

    assertThatThrownBy(() -> convert(new ForeignImage(open(image), Format.QCOW2), "copy"))
        .isInstanceOf(QemuImgException.class)
        .hasMessageContaining("No such file or directory");

    assertThat(Files.readAllBytes(data)).isEqualTo(before);
  }

  @Test
  void theRoomHasNoNetwork() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      server.setSoTimeout(1);
      Path overlay = directory.resolve("overlay");
      Images.qemuImg(
          "create",
          "-u",
          "-f",
          "qcow2",
          "-b",
          "nbd:127.0.0.1:" + server.getLocalPort(),
          "-F",
          "raw",
          overlay,
          "64k");

      assertThatThrownBy(() -> convert(new ForeignImage(open(overlay), Format.QCOW2), "copy"))
          .isInstanceOf(QemuImgException.class)
          .hasMessageContaining("Network is unreachable");

      assertThatThrownBy(server::accept).isInstanceOf(SocketTimeoutException.class);
    }
  }

  @Test
  void whoTakesOverTheProgramInTheRoomHasNothing() throws IOException {
    Path program = Images.script(
        directory.resolve("taken-over"),
        "{ cat /proc/1/status /etc/passwd " + victim + " /sys/kernel/vmcoreinfo; ls / /dev;"
            + " touch /x /source /usr/x; kill -9 1; id -u; id -G; ulimit -v;"
            + " setsid sleep 602 & } > /target 2>&1\nexit 0\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    QemuImg taken = new QemuImg(Settings.standard().withProgram(program.toString()));

    Path target = directory.resolve("copy");
    taken.convertForeign(
        image(Format.VDI), target, Raw.sparse(), ConvertOptions.standard(), MINUTE);

    assertThat(Files.readString(target))
        .contains("/proc/1/status: No such file", "/etc/passwd: No such file")
        .contains("'/x': Permission denied", "'/usr/x': Read-only file system")
        .contains("\n65534\n65534\n1048576\n")
        .contains("bin\ndev\nlib\n", "qemu-img\nsbin\nsource\ntarget\nusr\n", "/dev:\nnull\n")
        .doesNotContain(SECRET);
    assertAllGone("602");
  }

  /** What is in the room dies with its first process, a moment after it. */
  private static void assertAllGone(String argument) {
    await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
      assertThat(Processes.running("/qemu-img")).isFalse();
      assertThat(ProcessHandle.allProcesses()
              .filter(process ->
                  process.info().arguments().map(List::of).orElse(List.of()).contains(argument)))
          .isEmpty();
    });
  }

  @Test
  void aRunOnAForeignImageIsKilledWhenItsTimeIsUp() throws IOException {
    Path program = Images.script(
        directory.resolve("hang"), "trap '' TERM\nsetsid sleep 603 &\nwhile :; do sleep 1; done\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    QemuImg hung = new QemuImg(Settings.standard().withProgram(program.toString()));

    assertThatThrownBy(
            () -> hung.foreignSizeBytes(image(Format.VDI), Run.within(Duration.ofMillis(800))))
        .isInstanceOf(OperationTimeoutException.class);

    assertAllGone("603");
  }

  @Test
  void whatCannotBeACopyIsRefusedBeforeAnythingIsRun() throws IOException {
    ForeignImage hidden = image(Format.VDI);
    Files.setPosixFilePermissions(hidden.path(), PosixFilePermissions.fromString("rw-------"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), raw);

    refused(hidden, N0Exception.Code.PRECONDITION);
    refused(new ForeignImage(link, Format.VDI), N0Exception.Code.INVALID);
    refused(new ForeignImage(directory, Format.VDI), N0Exception.Code.INVALID);
    refused(new ForeignImage(Path.of("/dev/zero"), Format.VDI), N0Exception.Code.INVALID);
    refused(new ForeignImage(directory.resolve("absent"), Format.VDI), N0Exception.Code.NOT_FOUND);
    for (Format format : Format.values()) {
      refused(new ForeignImage(open(raw), format), N0Exception.Code.INVALID);
    }
  }

  private Path convert(ForeignImage source, String name) {
    Path target = directory.resolve(name);
    qemuImg.convertForeign(source, target, Raw.sparse(), ConvertOptions.standard(), MINUTE);
    return target;
  }

  private void refused(ForeignImage source, N0Exception.Code code) {
    assertThatThrownBy(() -> convert(source, "copy"))
        .as(source.toString())
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
    assertThat(directory.resolve("copy")).doesNotExist();
  }

  private boolean leaks(List<String> source, String name) throws IOException {
    Path target = directory.resolve(name);
    List<String> command = new ArrayList<>(List.of("qemu-img", "convert", "-O", "raw"));
    command.addAll(source);
    command.add(target.toString());
    Process process = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
    process.onExit().join();
    return Files.exists(target)
        && Files.readString(target, StandardCharsets.ISO_8859_1).contains(SECRET);
  }

  private ForeignImage image(Format format) throws IOException {
    Path path = directory.resolve("image." + format.driver);
    Files.deleteIfExists(path);
    Images.qemuImg("convert", "-f", "raw", "-O", format.driver, raw, path);
    return new ForeignImage(open(path), format);
  }

  private static Path open(Path path) throws IOException {
    return Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r--r--"));
  }
}
