package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.PluginConfig;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class NoteDriverTest {
  @TempDir
  Path directory;

  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new NoteFixture(directory));
  }

  @Test
  void withoutItsDirectoryNothingIsCalledAbsent() {
    NoteDriver driver = new NoteDriver(directory.resolve("not-mounted"));
    ResourceId id = ResourceId.fresh("note", "milk");

    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.delete(new StandaloneContext(), id))
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(driver::list)
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
  }

  @Test
  void thePluginReadsItsDirectory() {
    Map<String, String> config = Map.of("directory", directory.toString());

    List<Driver<?, ?>> drivers = new NotesPlugin().create(PluginConfig.of("notes", config));

    assertThat(drivers).hasSize(1);
    assertThat(drivers.get(0).probe().message()).isEmpty();
  }
}
