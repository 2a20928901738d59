package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReadmeTest {
  @Test
  void theReadmeShowsTheLinesThatAreCompiled() throws IOException {
    String source = Files.readString(
        Path.of("src/main/java/io/n0stack/n0core/examples/agent/BootMachine.java"));
    String lines = source
        .substring(source.indexOf("// [readme]\n") + 12, source.indexOf("    // [/readme]"))
        .stripTrailing()
        .stripIndent();
    assertThat(Files.readString(Path.of("../../README.md")))
        .contains("```java\n" + lines + "\n```\n");
  }

  @Test
  void theAgentsMainIsShortEnoughToCopy() throws IOException {
    Path main = Path.of("src/main/java/io/n0stack/n0core/examples/agent/AgentMain.java");
    assertThat(Files.readAllLines(main)).hasSizeLessThan(60);
  }
}
