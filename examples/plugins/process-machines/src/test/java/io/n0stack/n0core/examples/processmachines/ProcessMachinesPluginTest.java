package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessMachinesPluginTest {
  @TempDir
  Path directory;

  @Test
  void theAgentFindsThePluginAndItsDirectory() {
    List<Driver<?, ?>> drivers =
        DriverPlugin.drivers(Map.of("process-machines.directory", directory.toString()));

    assertThat(drivers).hasSize(1);
    assertThat(drivers.get(0).describe().kind()).isEqualTo("machine");
    assertThat(drivers.get(0).probe().attributes())
        .containsEntry("process-machines.directory", directory.toString());
  }

  @Test
  void aMisspeltKeyIsRefused() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> DriverPlugin.drivers(Map.of("process-machines.dir", "/var/lib/machines")))
        .withMessageContaining("process-machines.dir")
        .matches(e -> e.code() == N0Exception.Code.INVALID);
  }

  @Test
  void theClassPathDeclaresWhatTheModuleProvides() throws IOException {
    Path services = Path.of("src/main/resources/META-INF/services", DriverPlugin.class.getName());

    assertThat(Files.readString(services).strip()).isEqualTo(ProcessMachinesPlugin.class.getName());
  }

  @Test
  void theDriverHasFewerThan150Lines() throws IOException {
    long lines = 0;
    try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
      for (Path source :
          sources.filter(path -> path.toString().endsWith(".java")).toList()) {
        if (!source.toString().matches(".*(Plugin|package-info|module-info)\\.java")) {
          lines += Files.readAllLines(source).size();
        }
      }
    }
    assertThat(lines).isPositive().isLessThan(150);
  }
}
