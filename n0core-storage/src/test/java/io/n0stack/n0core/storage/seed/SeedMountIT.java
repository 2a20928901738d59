package io.n0stack.n0core.storage.seed;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.UML})
class SeedMountIT {
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05Z");

  @TempDir
  Path directory;

  @Test
  void linuxReadsEachFileByRockRidgeJolietAndPlainNames() throws IOException, InterruptedException {
    Map<String, byte[]> files = files();
    IsoImage image = IsoImage.labelled("cidata").withTime(TIME);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      image = image.withFile(file.getKey(), file.getValue());
    }
    Path path = directory.resolve("seed.iso");
    image.write(path);

    List<String> seen = GuestMount.seen(path, directory);

    List<String> attributes = new ArrayList<>();
    List<String> digests = new ArrayList<>();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      String rest = file.getValue().length + " " + TIME.getEpochSecond() + " " + file.getKey();
      attributes.add("400 0 " + rest);
      digests.add(digest(file.getValue()) + "  " + file.getKey());
    }
    assertThat(of(seen, "rock-ridge"))
        .containsExactlyInAnyOrderElementsOf(
            Stream.concat(attributes.stream(), digests.stream()).toList());
    assertThat(of(seen, "joliet"))
        .containsExactlyInAnyOrderElementsOf(Stream.concat(
                attributes.stream().map(line -> line.replaceFirst("^400", "555")), digests.stream())
            .toList());
    List<String> plain = of(seen, "plain");
    String userData = "#cloud-config\n{}\n";
    assertThat(plain)
        .hasSize(2 * files.size())
        .allMatch(line -> line.matches("[0-9a-f ]+ [A-Z0-9_]{0,8}\\.[A-Z0-9_]{0,3};1"))
        .contains(digest(userData.getBytes(UTF_8)) + "  USER_DAT.;1");
    assertThat(plain)
        .map(line -> line.replaceFirst(" +[^ ]*$", ""))
        .containsAll(digests.stream().map(line -> line.substring(0, 64)).toList());
  }

  @Test
  void theDiskIsFoundByItsLabel() throws IOException, InterruptedException {
    Path path = directory.resolve("seed.iso");
    CloudInitSeed.builder("i-1", "web1").time(TIME).build().write(path);

    Process blkid = new ProcessBuilder("blkid", "-p", "-o", "export", path.toString()).start();
    String said = new String(blkid.getInputStream().readAllBytes(), UTF_8);

    assertThat(blkid.waitFor()).isZero();
    assertThat(said.lines())
        .contains("LABEL=cidata", "TYPE=iso9660", "UUID=2026-01-02-03-04-05-00");
  }

  /** Enough for several sectors of directory, and each length around a sector's. */
  private static Map<String, byte[]> files() {
    Map<String, byte[]> files = new TreeMap<>();
    files.put("user-data", "#cloud-config\n{}\n".getBytes(UTF_8));
    files.put("meta-data", "{}".getBytes(UTF_8));
    files.put("empty", new byte[0]);
    files.put("ü".repeat(64), "long".getBytes(UTF_8));
    for (int length = 2047; length <= 2049; length++) {
      byte[] content = new byte[length];
      Arrays.fill(content, (byte) length);
      files.put("of " + length + " bytes", content);
    }
    for (int i = 0; i < 200; i++) {
      files.put("größe-" + i + ".änderung 😀", ("number " + i).getBytes(UTF_8));
    }
    return files;
  }

  private static List<String> of(List<String> lines, String way) {
    String prefix = way + " ";
    return lines.stream()
        .filter(line -> line.startsWith(prefix))
        .map(line -> line.substring(prefix.length()))
        .toList();
  }

  private static String digest(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
