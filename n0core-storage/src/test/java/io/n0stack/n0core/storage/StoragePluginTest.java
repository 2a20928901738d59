package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.storage.Snapshots;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StoragePluginTest {
  @Test
  void theDriverIsFoundByTheServiceLoader() {
    assertThat(DriverPlugin.drivers(
            Map.of("storage.directory", "/var/lib/elsewhere", "storage.qemu-img-timeout", "30")))
        .singleElement()
        .satisfies(driver -> {
          assertThat(driver.describe().kind()).isEqualTo("volume");
          assertThat(driver.capability(Snapshots.class)).isPresent();
        });
  }

  @Test
  void aConfigurationThatBreaksARuleIsRefused() {
    for (Map<String, String> config : List.of(
        Map.of("storage.directory", "relative"),
        Map.of("storage.qemu-img-timeout", "0"),
        Map.of("storage.fetch-addresses", "some"),
        Map.of("storage.fetch-proxy", "proxy.example.org"),
        Map.of("storage.fetch-proxy", "http://proxy.example.org:3128"),
        Map.of("storage.fetch-proxy", "proxy.example.org:65536"),
        Map.of("storage.fetch-proxy", "user@proxy.example.org:3128"),
        Map.of("storage.dir", "/x"))) {
      assertThatThrownBy(() -> DriverPlugin.drivers(config)).hasMessageContaining("storage.");
    }
  }
}
