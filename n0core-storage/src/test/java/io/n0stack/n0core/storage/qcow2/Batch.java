package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Many runs of {@code qemu-img}, started by two shells: quicker than one by one from here. */
final class Batch {
  private static final String MARK = "@@@ ";
  private static final int LANES = 2;

  private final Path directory;
  private final List<String> commands = new ArrayList<>();

  Batch(Path directory) {
    this.directory = directory;
  }

  /** Adds a line of shell; what it writes is its result. Returns its number. */
  int add(String command) {
    commands.add(command);
    return commands.size() - 1;
  }

  /** Runs all and returns what each wrote, by number. */
  List<String> run() throws IOException {
    StringBuilder all = new StringBuilder();
    for (int lane = 0; lane < LANES; lane++) {
      StringBuilder script = new StringBuilder();
      for (int i = lane; i < commands.size(); i += LANES) {
        script.append("echo '").append(MARK).append(i).append("'\n");
        script.append("{ ").append(commands.get(i)).append("; } </dev/null 2>&1\n");
      }
      Path path = Files.writeString(directory.resolve("lane" + lane), script);
      all.append("sh '").append(path).append("' > '").append(path).append(".out' & ");
    }
    Images.run(List.of("sh", "-c", "cd '" + directory + "'; " + all + " wait"));
    Map<Integer, String> results = new TreeMap<>();
    for (int lane = 0; lane < LANES; lane++) {
      String output = Files.readString(directory.resolve("lane" + lane + ".out"));
      for (String part : output.split(MARK, -1)) {
        if (!part.isEmpty()) {
          int end = part.indexOf('\n');
          results.put(Integer.valueOf(part.substring(0, end)), part.substring(end + 1));
        }
      }
    }
    assertThat(results).hasSize(commands.size());
    return List.copyOf(results.values());
  }
}
