package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.storage.ImageSource.Compression;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ROOT)
class FetchFullDiskIT {
  private static final byte[] CONTENT = Contents.random(6 << 20);

  @TempDir
  Path directory;

  /** Runs in a mount namespace that dies with the process, on a file system of 4 MiB. */
  private String fetch(Object... arguments) throws IOException {
    Path place = directory.resolve("place");
    Files.createDirectories(place);
    List<String> command = new ArrayList<>(List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=4m tmpfs \"$0\" && exec \"$@\"",
        place.toString()));
    command.addAll(FetchingProcess.command(arguments));
    String output = Images.run(command);
    assertThat(Contents.left(place)).isEmpty();
    return output;
  }

  @Test
  void aFullDiskIsSaidAndLeavesNothingButThePart() throws IOException {
    Path place = directory.resolve("place");
    try (RawServer server = RawServer.serving(CONTENT)) {
      assertThat(fetch("discard", server.uri("/x"), Contents.sha256(CONTENT), place))
          .contains("EXHAUSTED", "No space left", "left []");
      assertThat(fetch("keep", server.uri("/x"), Contents.sha256(CONTENT), place))
          .contains("EXHAUSTED", "No space left")
          .containsPattern("left \\[\\.n0-fetch-sha256-[0-9a-f]*\\.part, [^ ,]*\\.version]");
      assertThat(fetch("cache", server.uri("/x"), Contents.sha256(CONTENT), place))
          .contains("EXHAUSTED", "No space left")
          .doesNotContain("done");
    }
  }

  @Test
  void aCompressedFileFillsTheDiskNoLess() throws IOException {
    byte[] gzip = Compressed.gzip(CONTENT);
    Path place = directory.resolve("place");
    try (RawServer server = RawServer.serving(gzip)) {
      assertThat(fetch("discard", server.uri("/x"), Contents.sha256(gzip), place, Compression.GZIP))
          .contains("EXHAUSTED", "No space left", "left []");
      assertThat(fetch("keep", server.uri("/x"), Contents.sha256(gzip), place, Compression.GZIP))
          .contains("EXHAUSTED", "No space left")
          .doesNotContain(".tmp");
    }
  }

  /** Of a disk of 4 MiB, 3 have images that nobody needs. */
  @Test
  void imagesThatNobodyNeedsMakeRoomOnTheDiskToo() throws IOException {
    byte[] fits = Contents.random(1_900_000);
    Path place = directory.resolve("place");
    try (RawServer server = RawServer.serving(fits)) {
      assertThat(fetch("evict", server.uri("/x"), Contents.sha256(fits), place))
          .contains("pinned 100000", "size 1900000 of 4", "done");
      assertThat(server.requests()).hasSize(2);
      assertThat(server.requests().get(1).from()).as("went on with the part").isPositive();
    }
    try (RawServer server = RawServer.serving(CONTENT)) {
      assertThat(fetch("evict", server.uri("/x"), Contents.sha256(CONTENT), place))
          .contains("pinned 100000", "EXHAUSTED", "No space left");
    }
  }
}
