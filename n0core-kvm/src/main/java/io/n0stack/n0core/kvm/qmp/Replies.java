package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads what QEMU sends. */
final class Replies {
  static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
      .streamReadConstraints(
          StreamReadConstraints.builder().maxStringLength(Lines.LIMIT).build())
      .build());

  private static final byte[] BEFORE_ID = "\"id\": \"".getBytes(StandardCharsets.US_ASCII);
  private static final int LONGEST_ID = 16;

  private Replies() {}

  /**
   * Finds the id at the end of a line without parsing the line, where QEMU puts it; null if it is not
   * there. Inside a text the quotes would be escaped, and inside another object the line would end in
   * two braces, so this cannot be mistaken.
   */
  static @Nullable String idAtEnd(byte[] line) {
    int end = line.length;
    while (end > 0 && (line[end - 1] == '\r' || line[end - 1] == ' ')) {
      end--;
    }
    if (end < 2 || line[end - 1] != '}' || line[end - 2] != '"') {
      return null;
    }
    int last = end - 2;
    int first = last;
    while (first > 0 && last - first <= LONGEST_ID && isPlain(line[first - 1])) {
      first--;
    }
    int start = first - BEFORE_ID.length;
    if (start <= 0 || line[start - 1] == '\\') {
      return null;
    }
    for (int i = 0; i < BEFORE_ID.length; i++) {
      if (line[start + i] != BEFORE_ID[i]) {
        return null;
      }
    }
    return new String(line, first, last - first, StandardCharsets.ISO_8859_1);
  }

  private static boolean isPlain(byte c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  }

  /** Loads what a first use would have to. */
  static void load() {
    result("", "", "{\"return\": {\"a\": 1, \"b\": [true]}}".getBytes(StandardCharsets.US_ASCII));
    Requests.arguments(Map.of("a", 1));
  }

  /** Parses a line. */
  static JsonNode tree(byte[] line) throws IOException {
    return JSON.readTree(line);
  }

  /** Reads the answer to a command. */
  static QmpResult result(String subject, String command, byte[] line) {
    JsonNode message;
    try {
      message = tree(line);
    } catch (IOException e) {
      throw new UnknownOutcomeException(command + " on " + subject, e);
    }
    JsonNode error = message.get("error");
    if (error != null) {
      throw new QmpException(
          subject, command, error.path("class").asText(), error.path("desc").asText());
    }
    return new QmpResult(message.path("return"));
  }

  /** Reads an event. */
  static QmpEvent event(JsonNode message) {
    JsonNode data = message.path("data");
    JsonNode timestamp = message.path("timestamp");
    long seconds = timestamp.path("seconds").asLong();
    return new QmpEvent(
        message.path("event").asText(),
        new QmpResult(data.isObject() ? data : JsonNodeFactory.instance.objectNode()),
        // QEMU without a clock says -1.
        Instant.ofEpochSecond(
            Math.max(0, Math.min(seconds, Integer.MAX_VALUE * 4L)),
            Math.max(0, Math.min(timestamp.path("microseconds").asLong(), 999_999)) * 1_000));
  }
}
