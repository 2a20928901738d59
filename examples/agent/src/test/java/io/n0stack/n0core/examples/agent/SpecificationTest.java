package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SpecificationTest {
  private static final Path ROOT = Path.of("../..");
  private static final Pattern CITED = Pattern.compile("`(\\w+(?:IT|Test))\\.(\\w+)`");

  @Test
  void everyTestThatTheSpecificationNamesExists() throws IOException {
    Matcher cited =
        CITED.matcher(Files.readString(ROOT.resolve("docs/reference/specification.md")));
    List<String> missing = new ArrayList<>();
    int found = 0;
    while (cited.find()) {
      if (exists(cited.group(1), cited.group(2))) {
        found++;
      } else {
        missing.add(cited.group());
      }
    }
    assertThat(missing).isEmpty();
    assertThat(found).isGreaterThan(20);
  }

  private static boolean exists(String type, String method) throws IOException {
    try (Stream<Path> files = Files.find(
        ROOT,
        20,
        (path, attributes) ->
            path.toString().contains("/src/test/java/") && path.endsWith(type + ".java"))) {
      for (Path file : files.toList()) {
        if (Files.readString(file).contains(" " + method + "(")) {
          return true;
        }
      }
      return false;
    }
  }
}
