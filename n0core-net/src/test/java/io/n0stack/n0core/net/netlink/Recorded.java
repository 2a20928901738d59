package io.n0stack.n0core.net.netlink;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Messages that a kernel once wrote. */
public final class Recorded {
  private static final String FILE = "recorded.txt";

  private Recorded() {}

  /** Returns the messages whose kind begins with a text. */
  public static List<byte[]> messages(String kind) {
    List<byte[]> messages = new ArrayList<>();
    try (InputStream in = Recorded.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new AssertionError(FILE + " is missing");
      }
      for (String line : new String(in.readAllBytes(), UTF_8).split("\n", -1)) {
        String[] parts = line.split(" ", -1);
        if (parts.length == 3 && parts[0].startsWith(kind)) {
          messages.add(HexFormat.of().parseHex(parts[2]));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return messages;
  }
}
