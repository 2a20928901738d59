package io.n0stack.n0core.api.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Refusal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DriverPluginTest {
  private static final String CLOSED = "n0core.test.closed";

  private final ClassLoader before = Thread.currentThread().getContextClassLoader();

  @BeforeEach
  @AfterEach
  void forget() {
    System.clearProperty(CLOSED);
    Thread.currentThread().setContextClassLoader(before);
  }

  @Test
  void installedPluginsAreFoundAndMakeTheirDrivers() {
    install(SamplePlugins.Notes.class);

    List<Driver<?, ?>> drivers = DriverPlugin.drivers(Map.of("notes.lines", "3"));

    assertThat(DriverPlugin.installed()).extracting(DriverPlugin::name).containsExactly("notes");
    assertThat(drivers).extracting(driver -> driver.describe().kind()).containsExactly("note");
    assertThat(System.getProperty(CLOSED)).isNull();
  }

  @Test
  void noPluginsMakeNoDrivers() {
    install();

    assertThat(DriverPlugin.drivers(Map.of())).isEmpty();
  }

  @Test
  void aBadValueIsRefusedByPluginAndKey() {
    install(SamplePlugins.Notes.class);

    Refusal.invalid(
        "notes.lines", 10, "1 to 9", () -> DriverPlugin.drivers(Map.of("notes.lines", "10")));
  }

  @Test
  void keysThatNobodyReadsAreRefusedAndTheDriversClosed() {
    install(SamplePlugins.Notes.class);

    Refusal.invalid(
        "configuration key",
        "notes.line",
        "must be one of [lines]",
        () -> DriverPlugin.drivers(Map.of("notes.line", "1")));
    Refusal.invalid(
        "configuration key",
        "note.lines",
        "installed plugin",
        () -> DriverPlugin.drivers(Map.of("note.lines", "1")));
    assertThat(System.getProperty(CLOSED)).isEqualTo("note");
  }

  @Test
  void twoDriversOfOneKindAreRefusedAndBothClosed() {
    install(SamplePlugins.Notes.class, SamplePlugins.OtherNotes.class);

    Refusal.invalid(
        "plugin",
        "other-notes",
        "plugin \"notes\" already drives kind \"note\"",
        () -> DriverPlugin.drivers(Map.of()));
    assertThat(System.getProperty(CLOSED)).isEqualTo("notenote");
  }

  @Test
  void aPluginOfAnotherSpiVersionIsRefusedBeforeAnyDriverIsMade() {
    install(SamplePlugins.Notes.class, SamplePlugins.FutureNotes.class);

    N0Exception refusal =
        Refusal.of(N0Exception.Code.UNSUPPORTED, () -> DriverPlugin.drivers(Map.of()));

    assertThat(refusal)
        .hasMessage("load plugin \"future-notes\": written for SPI 2, this agent speaks 1");
    assertThat(System.getProperty(CLOSED)).isNull();
  }

  @Test
  void aPluginThatCannotBeLoadedIsAnInternalError() {
    install(SamplePlugins.BrokenNotes.class);

    assertThat(Refusal.of(N0Exception.Code.INTERNAL, DriverPlugin::installed))
        .hasMessageStartingWith("load driver plugins: ");
  }

  private static void install(Class<?>... plugins) {
    String[] names =
        List.of(plugins).stream().map(PluginClassLoader::nameOf).toArray(String[]::new);
    Thread.currentThread().setContextClassLoader(new PluginClassLoader(names));
  }
}
