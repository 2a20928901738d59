package io.n0stack.n0core.membership;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * The host's serial number as its firmware tells it, see {@code dmidecode(8)}.
 *
 * @since 0.1
 */
public final class HostSerial {
  private static final Path DMI = Path.of("/sys/class/dmi/id");
  private static final List<String> FILES =
      List.of("product_serial", "chassis_serial", "board_serial", "product_uuid");
  private static final int MOST = 128;

  /** What makers write who have not written anything. */
  private static final Set<String> BLANKS = Set.of(
      "none",
      "default string",
      "system serial number",
      "to be filled by o.e.m.",
      "not specified",
      "not applicable",
      "n/a",
      "unknown",
      "0",
      "0123456789",
      "123456789");

  private HostSerial() {}

  /**
   * Looks in {@code /sys/class/dmi/id}; most of it only root can read.
   *
   * @return the serial number of the system, or else of its chassis or board, or else the system's
   *     UUID; empty if there is none that can be read
   */
  public static Optional<String> find() {
    return find(DMI);
  }

  static Optional<String> find(Path directory) {
    return FILES.stream()
        .map(directory::resolve)
        .flatMap(file -> read(file).stream())
        .findFirst();
  }

  private static Optional<String> read(Path file) {
    String text;
    try (InputStream in = Files.newInputStream(file)) {
      text = new String(in.readNBytes(MOST), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return Optional.empty(); // not every host has it, and not every user may read it
    }
    boolean speaks = text.chars().allMatch(c -> c >= ' ' && c < 127)
        && text.chars().anyMatch(c -> c != '0' && c != '-' && c != ' ' && c != '.')
        && !BLANKS.contains(text.toLowerCase(Locale.ROOT));
    return speaks ? Optional.of(text) : Optional.empty();
  }
}
