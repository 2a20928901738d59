package io.n0stack.n0core.examples.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

@Requires(Requirement.ROOT)
class NetlinkTourIT {
  private static final Path BASE = Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
  private static final Pattern SAID = Pattern.compile("```text\n(.*?)```", Pattern.DOTALL);

  @Test
  void tourSaysWhatTheTutorialSaysThatItSays() throws IOException, InterruptedException {
    String tutorial = Files.readString(BASE.resolve("../../docs/tutorial/netlink.md"));
    String promised =
        SAID.matcher(tutorial).results().map(block -> block.group(1)).collect(Collectors.joining());

    Process tour = new ProcessBuilder(List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("jdk.module.path", "") + ":" + System.getProperty("java.class.path"),
            NetlinkTour.class.getName()))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    String said = new String(tour.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(tour.waitFor()).isZero();
    assertThat(said).isEqualTo(promised);
  }
}
