package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qemuimg.NewImage.Feature;
import io.n0stack.n0core.storage.qemuimg.NewImage.Luks;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArgumentsIT {
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));
  private static final String NODE = "driver=qcow2,file.driver=file,file.filename=/pool/a,,b";

  @TempDir
  Path directory;

  private final ImageFile disk = ImageFile.qcow2(Path.of("/pool/a,b"));
  private final ImageFile base = ImageFile.raw(Path.of("/pool/base"));

  @Test
  void commandLinesAreTheseAndNoOther() throws IOException {
    Map<String, Consumer<QemuImg>> calls = new TreeMap<>();
    Path fresh = Path.of("/absent,dir/new");
    calls.put(
        "create|-q|-f|raw|-o|preallocation=falloc|--|/absent,dir/new|512",
        q -> q.create(fresh, new Raw(Preallocation.FALLOC), 512, MINUTE));
    calls.put(
        "create|-q|-f|qcow2|-o|compat=1.1,cluster_size=65536,refcount_bits=16,"
            + "compression_type=zlib,lazy_refcounts=on|-b|/pool/base|-F|raw|--|/absent,dir/new|512",
        q -> q.createOverlay(
            fresh,
            Qcow2.standard().withFeatures(Set.of(Feature.LAZY_REFCOUNTS)),
            base,
            512,
            MINUTE));
    calls.put(
        "convert|-q|-p|-t|none|-S|0|-c|--image-opts|-l|snapshot.name=a,,b|-O|qcow2|-o|compat=1.1,"
            + "cluster_size=65536,refcount_bits=16,compression_type=zlib|--|" + NODE
            + "|/absent,dir/new",
        q -> q.convert(
            disk,
            fresh,
            Qcow2.standard(),
            ConvertOptions.standard()
                .withSnapshot("a,b")
                .withSparseBytes(0)
                .withCache(ConvertOptions.Cache.NONE)
                .withExtras(Set.of(ConvertOptions.Extra.COMPRESS)),
            MINUTE));
    calls.put(
        "resize|-q|--image-opts|--preallocation=full|--|" + NODE + "|1024",
        q -> q.grow(disk, 1024, Preallocation.FULL, MINUTE));
    calls.put(
        "resize|-q|--shrink|--image-opts|--|" + NODE + "|512", q -> q.shrink(disk, 512, MINUTE));
    calls.put(
        "snapshot|-q|-c|-a b|--image-opts|--|" + NODE, q -> q.createSnapshot(disk, "-a b", MINUTE));
    calls.put("snapshot|-q|-a|x|--image-opts|--|" + NODE, q -> q.applySnapshot(disk, "x", MINUTE));
    calls.put("snapshot|-q|-d|x|--image-opts|--|" + NODE, q -> q.deleteSnapshot(disk, "x", MINUTE));
    calls.put(
        "rebase|-q|-p|-b|/pool/base|-F|raw|--image-opts|--|" + NODE,
        q -> q.rebase(disk, base, MINUTE));
    calls.put(
        "rebase|-q|-u|-b|/pool/base|-F|raw|--image-opts|--|" + NODE,
        q -> q.rebaseUnchecked(disk, base, MINUTE));
    calls.put("rebase|-q|-p|-b||--image-opts|--|" + NODE, q -> q.flatten(disk, MINUTE));
    calls.put("commit|-q|-p|--image-opts|--|" + NODE, q -> q.commit(disk, MINUTE));
    calls.put(
        "commit|-q|-p|-d|-b|/pool/base|--image-opts|--|" + NODE,
        q -> q.commitInto(disk, base.path(), MINUTE));
    calls.put(
        "bitmap|--add|-g|512|--image-opts|--|" + NODE + "|-x",
        q -> q.addBitmap(disk, "-x", 512, MINUTE));
    calls.put(
        "bitmap|--clear|--image-opts|--|" + NODE + "|x",
        q -> q.changeBitmap(disk, "x", BitmapChange.CLEAR, MINUTE));
    calls.put(
        "bitmap|--merge|y|--image-opts|--|" + NODE + "|x",
        q -> q.mergeBitmap(disk, "y", "x", MINUTE));
    calls.put(
        "bitmap|-b|/pool/base|-F|raw|--merge|y|--image-opts|--|" + NODE + "|x",
        q -> q.mergeBitmap(base, "y", disk, "x", MINUTE));
    calls.put(
        "create|--object|secret,id=secret0,format=base64,file=/dev/stdin|-q|-f|luks|-o|"
            + "key-secret=secret0,iter-time=2000|--|/absent,dir/new|512",
        q -> q.create(
            fresh, Luks.sparse(Encryption.luks(Secret.of(new char[] {'x'}))), 512, MINUTE));
    Path log = directory.resolve("log");
    Path spy = Images.script(
        directory.resolve("spy"),
        "for a in \"$@\"; do printf '%s|' \"$a\"; done >> '" + log + "'\necho >> '" + log + "'\n");
    QemuImg qemuImg = new QemuImg(Settings.standard().withProgram(spy.toString()));

    calls.forEach((line, call) -> {
      call.accept(qemuImg);
      assertThat(log).hasContent(line + "|");
      assertThat(log.toFile().delete()).isTrue();
    });
  }

  @Test
  void wordsThatCouldMeanSomethingElseAreRefusedBeforeAnythingIsRun() throws IOException {
    Path run = directory.resolve("run");
    Path spy = Images.script(directory.resolve("spy"), "touch '" + run + "'\n");
    QemuImg qemuImg = new QemuImg(Settings.standard().withProgram(spy.toString()));
    List<ThrowingCallable> calls = List.of(
        () -> ImageFile.raw(Path.of("nbd:localhost")),
        () -> ImageFile.raw(Path.of("/pool/../etc/shadow")),
        () -> ImageFile.raw(Path.of("/pool/line\nend")),
        () -> ImageFile.raw(Path.of("/pool/a")).withSecret(Secret.of(new char[] {'x'})),
        () -> new ImageFile(Path.of("/a"), ImageFile.Format.LUKS, Optional.empty()),
        () -> qemuImg.create(Path.of("json:{}"), Raw.sparse(), 1, MINUTE),
        () -> qemuImg.create(Path.of("-o"), Raw.sparse(), 1, MINUTE),
        () -> qemuImg.create(directory.resolve("x"), Raw.sparse(), -1, MINUTE),
        () -> qemuImg.createSnapshot(disk, "123", MINUTE),
        () -> qemuImg.createSnapshot(disk, "a\nb", MINUTE),
        () -> qemuImg.createSnapshot(disk, "ü".repeat(128), MINUTE),
        () -> qemuImg.createSnapshot(disk, " ", MINUTE),
        () -> qemuImg.addBitmap(disk, "a".repeat(1024), 512, MINUTE),
        () -> qemuImg.addBitmap(disk, "a", 1000, MINUTE),
        () -> qemuImg.addBitmap(disk, "a", 256, MINUTE),
        () -> qemuImg.mergeBitmap(disk, "\u0000", "a", MINUTE),
        () -> qemuImg.commitInto(disk, Path.of("base"), MINUTE),
        () -> new Raw(Preallocation.METADATA),
        () -> Qcow2.standard().withClusterBytes(65537),
        () -> Qcow2.standard().withClusterBytes(4 << 20),
        () -> Qcow2.standard().withRefcountBits(12),
        () -> Qcow2.standard().withClusterBytes(4096).withFeatures(Set.of(Feature.EXTENDED_L2)),
        () -> ConvertOptions.standard().withSnapshot("1"),
        () -> ConvertOptions.standard().withSparseBytes(100),
        () -> new ForeignImage(Path.of("x"), ForeignImage.Format.VMDK),
        () -> Run.within(Duration.ZERO),
        () -> Settings.standard().withProgram("../qemu-img"),
        () -> Settings.standard().withForeignUser(0),
        () -> Limits.standard().withFileBytes(0),
        () -> qemuImg.convert(
            disk,
            directory.resolve("x"),
            Raw.sparse(),
            ConvertOptions.standard().withExtras(Set.of(ConvertOptions.Extra.COMPRESS)),
            MINUTE));

    for (ThrowingCallable call : calls) {
      assertThatThrownBy(call)
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
    assertThat(run).doesNotExist();
  }

  @Test
  void answersThatAreNoneAreSaid() throws IOException {
    for (String answer :
        List.of("", "[]", "{}", "{\"check-errors\":-1}", "{\"check-errors\":1e99}")) {
      Path liar = Images.script(directory.resolve("liar"), "printf '%s' '" + answer + "'\n");
      QemuImg qemuImg = new QemuImg(Settings.standard().withProgram(liar.toString()));

      List<ThrowingCallable> calls = List.of(
          () -> qemuImg.check(disk, MINUTE),
          () -> qemuImg.measure(512, Raw.sparse(), MINUTE),
          qemuImg::version);
      for (ThrowingCallable call : calls) {
        assertThatThrownBy(call)
            .isInstanceOfSatisfying(
                N0Exception.class,
                e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
      }
      Files.delete(liar);
    }
  }

  @Test
  void progressIsTheLastThatWasTold() {
    assertThat(Answers.fraction("    (0.00/100%)\r    (42.50/100%)\r")).isEqualTo(0.425);
    assertThat(Answers.fraction("    (999.00/100%)\r")).isEqualTo(1);
    assertThat(Answers.fraction("")).isZero();
  }

  @Test
  void whatTheSystemSaysAtTheEndOfALineDecidesNotAPath() {
    Map<String, N0Exception.Code> lines = Map.of(
        "qemu-img: /No space left on device: Could not open '/x': No such file or directory\n",
        N0Exception.Code.NOT_FOUND,
        "qemu-img: error while writing at byte 0: No space left on device\n",
        N0Exception.Code.EXHAUSTED,
        "qemu-img: x: Failed to get shared \"write\" lock\nIs another process using the image [x]?\n",
        N0Exception.Code.BUSY,
        "qemu-img: Could not open 'x': Image is not in qcow2 format\n",
        N0Exception.Code.INVALID,
        "qemu-img: Unknown driver 'x'\n",
        N0Exception.Code.UNSUPPORTED);
    lines.forEach((line, code) ->
        assertThat(new QemuImgException("x", 1, line).code()).as(line).isEqualTo(code));
    assertThat(new QemuImgException("x", 137, "").code()).isEqualTo(N0Exception.Code.EXHAUSTED);
    assertThat(new QemuImgException("x", 139, "").code()).isEqualTo(N0Exception.Code.INTERNAL);
  }
}
