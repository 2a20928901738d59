package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostSerialTest {
  @TempDir
  Path dmi;

  @Test
  void theSystemsOwnNumberComesFirst() throws IOException {
    Files.writeString(dmi.resolve("product_uuid"), "4c4c4544-0042\n");
    assertThat(HostSerial.find(dmi)).contains("4c4c4544-0042");
    Files.writeString(dmi.resolve("board_serial"), "B1\n");
    Files.writeString(dmi.resolve("product_serial"), " S-1 \n");

    assertThat(HostSerial.find(dmi)).contains("S-1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\n",
        "0",
        "None",
        "To be filled by O.E.M.",
        "Not Specified",
        "00000-0",
        "\u0001x"
      })
  void whatSaysNothingIsNoNumber(String text) throws IOException {
    Files.writeString(dmi.resolve("product_serial"), text);

    assertThat(HostSerial.find(dmi)).isEmpty();
  }

  @Test
  void aHostWithoutFirmwareTablesHasNone() {
    assertThat(HostSerial.find(dmi.resolve("nowhere"))).isEmpty();
    HostSerial.find(); // whatever this host has, and whoever runs the test
  }
}
