package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qemuimg.NewImage.Luks;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class EncryptedIT {
  private static final long MIB = 1 << 20;
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));
  private static final String PASSPHRASE = "pass,phrase=with \"ü\"\n and a line end";

  @TempDir
  Path directory;

  private final QemuImg qemuImg = QemuImg.installed();
  private final Secret secret = Secret.of(PASSPHRASE.toCharArray());
  private final Secret other = Secret.ofUtf8("another one".getBytes(StandardCharsets.UTF_8));

  @Test
  void encryptedImagesAreMadeFilledGrownComparedAndChecked() throws IOException {
    Path raw = random();
    for (NewImage form :
        List.of(Luks.sparse(quick(secret)), Qcow2.standard().withEncryption(quick(secret)))) {
      Path image = directory.resolve(form.getClass().getSimpleName());
      ImageFile file = open(image, form, secret);
      qemuImg.convert(ImageFile.raw(raw), image, form, ConvertOptions.standard(), MINUTE);

      assertThat(qemuImg.compare(ImageFile.raw(raw), file, MINUTE).verdict())
          .isEqualTo(Comparison.Verdict.SAME);
      assertThat(text(image)).doesNotContain(text(raw).substring(4096, 4128));
      qemuImg.grow(file, 2 * MIB, Preallocation.OFF, MINUTE);
      assertThat(qemuImg.check(file, MINUTE).verdict())
          .isIn(CheckResult.Verdict.CLEAN, CheckResult.Verdict.NOT_SUPPORTED);
      assertThatThrownBy(
              () -> qemuImg.grow(open(image, form, other), 3 * MIB, Preallocation.OFF, MINUTE))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PERMISSION));
    }
  }

  @Test
  void anImageIsReencryptedFromOneSecretToAnother() throws IOException {
    Path raw = random();
    Path first = directory.resolve("first");
    Path second = directory.resolve("second");
    Path plain = directory.resolve("plain");
    ConvertOptions options = ConvertOptions.standard();
    Qcow2 form = Qcow2.standard().withEncryption(quick(other));

    qemuImg.convert(ImageFile.raw(raw), first, Luks.sparse(quick(secret)), options, MINUTE);
    qemuImg.convert(ImageFile.luks(first, secret), second, form, options, MINUTE);
    qemuImg.convert(
        ImageFile.qcow2(second).withSecret(other), plain, Raw.sparse(), options, MINUTE);

    assertThat(Files.mismatch(raw, plain)).isEqualTo(-1);
  }

  @Test
  void thePassphraseIsTheBytesThatOtherProgramsUse() throws IOException {
    Path image = directory.resolve("image");
    qemuImg.create(image, Luks.sparse(quick(secret)), MIB, MINUTE);
    Path key = Files.writeString(directory.resolve("key"), PASSPHRASE);

    String output = Images.run(List.of(
        "qemu-io",
        "--object",
        "secret,id=key,file=" + key,
        "--image-opts",
        "driver=luks,key-secret=key,file.filename=" + image,
        "-c",
        "read 0 512"));

    assertThat(output).contains("read 512/512 bytes");
  }

  @Test
  void noProcessNoExceptionAndNoTextShowsThePassphrase() throws IOException {
    Path seen = directory.resolve("seen");
    Path spy = Images.script(
        directory.resolve("qemu-img"),
        "{ cat /proc/self/environ; tr '\\0' ' ' < /proc/$$/cmdline; } >> '" + seen + "'\n"
            + "tr '\\0' ' ' < /proc/$PPID/cmdline >> '" + seen + "'\n"
            + "cat >> '" + seen + ".input'\necho refused >&2\nexit 2\n");
    QemuImg spied = new QemuImg(Settings.standard().withProgram(spy.toString()));
    Path image = Files.createFile(directory.resolve("image"));
    ImageFile luks = ImageFile.luks(image, secret);

    for (Secret second : List.of(secret, other)) {
      assertThatThrownBy(() -> spied.compare(luks, ImageFile.luks(image, second), MINUTE))
          .hasMessageNotContaining("pass,phrase")
          .hasMessageNotContaining("another one");
    }
    assertThat(luks.toString() + Luks.sparse(quick(secret)))
        .contains("hidden")
        .doesNotContain("pass,phrase");
    assertThat(Files.readString(seen))
        .contains("--object secret,id=", "keyid=master")
        .doesNotContain("pass,phrase", "another one", base64(PASSPHRASE), base64("another one"));
    assertThat(Files.readString(Path.of(seen + ".input")))
        .as("where one alone goes")
        .contains(base64(PASSPHRASE))
        .doesNotContain(base64("another one"));
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).as("no file for it").hasSize(4);
    }
  }

  @Test
  void aClosedSecretIsWipedAndOpensNothing() {
    ImageFile image = ImageFile.luks(directory.resolve("image"), secret);
    secret.close();
    secret.close();

    assertThatThrownBy(() -> qemuImg.check(image, MINUTE))
        .isInstanceOf(IllegalStateException.class);
    assertThat(ProcessHandle.current().children()).isEmpty();
  }

  @Test
  void whatIsNoPassphraseIsRefusedWithoutShowingIt() {
    List<byte[]> wrong = List.of(
        new byte[0], new byte[4097], new byte[] {'a', 0, 'b'}, new byte[] {'a', (byte) 0xff});
    for (byte[] bytes : wrong) {
      assertThatThrownBy(() -> Secret.ofUtf8(bytes))
          .isInstanceOf(N0Exception.class)
          .hasMessageContaining("hidden");
    }
    assertThatThrownBy(() -> Secret.of(new char[] {'a', '\ud800'})).isInstanceOf(N0Exception.class);
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.ISO_8859_1);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static Encryption quick(Secret secret) {
    return new Encryption(secret, Duration.ofMillis(10));
  }

  private static ImageFile open(Path image, NewImage form, Secret secret) {
    return form instanceof Luks
        ? ImageFile.luks(image, secret)
        : ImageFile.qcow2(image).withSecret(secret);
  }

  private Path random() throws IOException {
    byte[] content = new byte[(int) MIB];
    new Random(7).nextBytes(content);
    return Files.write(directory.resolve("raw"), content);
  }
}
