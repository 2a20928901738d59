package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The program {@code nft}, in the network namespace of the thread that calls it. */
final class NftProgram {
  private NftProgram() {}

  static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of("nft"));
    command.addAll(Arrays.asList(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(out).isZero();
      return out;
    } catch (IOException e) {
      throw new AssertionError("nft cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Does what a file would say, in one transaction. */
  static void script(String lines) {
    try {
      Path file = Files.createTempFile("nft", ".nft");
      try {
        Files.writeString(file, lines);
        assertThat(run("-f", file.toString())).isEmpty();
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Lists a table without what it counted. */
  static String list(TableId id) {
    return run("-s", "list", "table", id.family().toString(), id.name());
  }
}
