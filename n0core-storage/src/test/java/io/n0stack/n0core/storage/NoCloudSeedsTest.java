package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.api.storage.SeedImages.Seed;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NoCloudSeedsTest {
  private static final String KEY =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFt6xW0mBbmqBnCQ1y0Gkq3WvVQZ2tN1r0Jd1hZ2bq3Y alice@host";

  @TempDir
  Path directory;

  @Test
  void theDriverLendsSeedsThatCloudInitFindsByTheirLabel() {
    SeedImages seeds = new Qcow2DirectoryDriver(directory, Duration.ofSeconds(10))
        .capability(SeedImages.class)
        .orElseThrow();

    byte[] image = seeds.seedImage(new Seed("id-1", "web1", "alice", List.of(KEY)));

    assertThat(new String(image, StandardCharsets.ISO_8859_1).toLowerCase(java.util.Locale.ROOT))
        .contains("cidata")
        .contains("\"web1\"")
        .contains("\"alice\"")
        .contains("nopasswd")
        .contains(KEY.toLowerCase(java.util.Locale.ROOT));
    assertThat(seeds.seedImage(new Seed("id-1", "web1", "alice", List.of(KEY)))).isEqualTo(image);
  }

  @Test
  void aKeyThatIsNoneIsRefused() {
    SeedImages seeds = new NoCloudSeeds();
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> seeds.seedImage(new Seed("id-1", "web1", "alice", List.of("x y\nz"))))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }
}
