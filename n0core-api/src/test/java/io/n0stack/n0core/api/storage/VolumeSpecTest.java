package io.n0stack.n0core.api.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.storage.ImageSource.Backing;
import io.n0stack.n0core.api.storage.ImageSource.Copy;
import io.n0stack.n0core.api.storage.ImageSource.Download;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VolumeSpecTest {
  private static final String DIGEST = "sha256:" + "0a".repeat(32);

  @Test
  void sizeIsAMultipleOfASector() {
    assertThat(VolumeSpec.empty(512).sizeBytes()).contains(512L);
    assertThat(VolumeSpec.empty(Long.MAX_VALUE - 511).sizeBytes()).isPresent();
    Refusal.invalid("sizeBytes", 513, "multiple of 512", () -> VolumeSpec.empty(513));
    Refusal.invalid("sizeBytes", 0, "512 to", () -> VolumeSpec.empty(0));
    Refusal.invalid("sizeBytes", -512, "512 to", () -> VolumeSpec.empty(-512));
    Refusal.invalid("sizeBytes", Long.MAX_VALUE, "512 to", () -> VolumeSpec.empty(Long.MAX_VALUE));
  }

  @Test
  void sizeMayBeLeftToTheSourceOnly() {
    assertThat(VolumeSpec.from(backing()).sizeBytes()).isEmpty();
    Refusal.invalid(
        "sizeBytes",
        "",
        "without a source",
        () -> new VolumeSpec(ImageFormat.RAW, Optional.empty(), Optional.empty()));
  }

  @Test
  void rawHasNoBackingImage() {
    Refusal.invalid(
        "format",
        ImageFormat.RAW,
        "must be QCOW2",
        () -> new VolumeSpec(ImageFormat.RAW, Optional.of(512L), Optional.of(backing())));
  }

  @Test
  void whatAFormatCannotHaveIsRefused() {
    VolumeSpec raw = new VolumeSpec(ImageFormat.RAW, Optional.of(512L), Optional.empty());
    Refusal.invalid(
        "preallocation",
        Preallocation.METADATA,
        "raw",
        () -> raw.withPreallocation(Preallocation.METADATA));
    Refusal.invalid(
        "format",
        ImageFormat.RAW,
        "encrypted",
        () -> raw.withEncryption(new Encryption(Path.of("/keys/root"))));
    Refusal.invalid(
        "preallocation",
        Preallocation.FULL,
        "backing image",
        () -> VolumeSpec.from(backing()).withPreallocation(Preallocation.FULL));
    Refusal.invalid(
        "encryption.keyFile", "key", "must be absolute", () -> new Encryption(Path.of("key")));
    assertThat(raw.withPreallocation(Preallocation.FULL).withSizeBytes(1024))
        .isEqualTo(new VolumeSpec(
            ImageFormat.RAW,
            Optional.of(1024L),
            Optional.empty(),
            Optional.of(Preallocation.FULL),
            Optional.empty()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "base.qcow2", "../base.qcow2", "/a/../b", "/a\nb"})
  void imagesAreAbsolutePaths(String path) {
    Refusal.invalid(
        "source.image",
        path,
        "must be absolute",
        () -> new Backing(Path.of(path), ImageFormat.QCOW2));
    Refusal.invalid(
        "source.image", path, "must be absolute", () -> new Copy(Path.of(path), ImageFormat.RAW));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://example.org/a",
        "file://host/a",
        "file:a",
        "http:///a",
        "https:a",
        "a",
        "http://u@host/a",
        "https://u:p@host/a",
        "nbd://host/a"
      })
  void downloadsAreHttpWithoutUserOrFiles(String uri) {
    Refusal.invalid(
        "source.uri",
        uri.replaceFirst("//.*@", "//...@"),
        "must be http or https",
        () -> new Download(URI.create(uri), DIGEST, ImageFormat.QCOW2));
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///srv/a.qcow2", "file:/srv/a.qcow2"})
  void aFileOfThisHostIsVerifiedLikeADownload(String uri) {
    Download image = new Download(URI.create(uri), DIGEST, ImageFormat.QCOW2);

    assertThat(VolumeSpec.from(image).source()).contains(image);
  }

  @Test
  void whatMayBeSecretOfAnAddressIsInNoText() {
    URI signed = URI.create("https://host/a?signature=secret#secret");
    Download image = new Download(signed, DIGEST, ImageFormat.QCOW2);

    assertThat(image.uri()).isEqualTo(signed);
    assertThat(VolumeSpec.from(image).toString())
        .contains("Download[uri=https://host/a, digest=" + DIGEST + ", format=QCOW2, ")
        .doesNotContain("secret");
    for (String refused :
        List.of("https://user:secret@host/a?secret", "ftp://host/a?secret#secret")) {
      assertThatThrownBy(() -> new Download(URI.create(refused), DIGEST, ImageFormat.QCOW2))
          .hasMessageContaining("host/a")
          .hasMessageNotContaining("secret");
    }
  }

  @Test
  void theSchemeMayBeInUpperCase() {
    Download image = new Download(URI.create("HTTPS://example.org/a"), DIGEST, ImageFormat.QCOW2);

    assertThat(VolumeSpec.from(image).source()).contains(image);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "sha256:", "md5:00", "sha256:0A", "sha1:00"})
  void digestsAreSha2InLowerCase(String digest) {
    Refusal.invalid(
        "source.digest",
        digest,
        "sha256: or sha512:",
        () -> new Download(URI.create("http://host/a"), digest, ImageFormat.QCOW2));
    Refusal.invalid(
        "source.digest",
        DIGEST.replace("sha256", "sha512"),
        "sha256: or sha512:",
        () -> new Download(
            URI.create("http://host/a"), DIGEST.replace("sha256", "sha512"), ImageFormat.QCOW2));
  }

  @Test
  void withSizeChangesNothingElse() {
    VolumeSpec small = VolumeSpec.from(backing());

    VolumeSpec large = small.withSizeBytes(1 << 30);

    assertThat(large.sizeBytes()).contains(1L << 30);
    assertThat(large.source()).isEqualTo(small.source());
    assertThat(large.dependencies()).isEmpty();
  }

  private static Backing backing() {
    return new Backing(Path.of("/srv/base.qcow2"), ImageFormat.QCOW2);
  }
}
