package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.n0stack.n0core.api.N0Exception;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes commands as JSON. */
final class Requests {
  private static final int DEPTH = 900; // QEMU refuses more than 1024 levels, Jackson 1000
  private static final byte[] NONE = new byte[0];

  private Requests() {}

  /**
   * Writes arguments; no bytes if there are none.
   *
   * @throws N0Exception INVALID if one is not a text, number, boolean, list, map or {@link QmpResult}
   */
  static byte[] arguments(Map<String, ?> arguments) {
    if (arguments.isEmpty()) {
      return NONE;
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(256);
    try (JsonGenerator generator = Replies.JSON.createGenerator(out)) {
      write(generator, "arguments", arguments, 0);
    } catch (JsonProcessingException e) {
      throw N0Exception.invalid("arguments", "", "must be JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail
    }
    return out.toByteArray();
  }

  private static void write(
      JsonGenerator out, String path, @Nullable Object value, int depth) throws IOException {
    if (depth > DEPTH) {
      throw N0Exception.invalid("arguments", "", "must be nested at most " + DEPTH + " deep");
    }
    if (value instanceof Map<?, ?> map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        String key = String.valueOf(entry.getKey());
        out.writeFieldName(key);
        write(out, depth == 0 ? key : path + "." + key, entry.getValue(), depth + 1);
      }
      out.writeEndObject();
    } else if (value instanceof Collection<?> items) {
      out.writeStartArray();
      for (Object item : items) {
        write(out, path, item, depth + 1);
      }
      out.writeEndArray();
    } else {
      writePlain(out, path, value);
    }
  }

  private static void writePlain(JsonGenerator out, String path, @Nullable Object value)
      throws IOException {
    if (value == null) {
      out.writeNull();
    } else if (value instanceof CharSequence text) {
      out.writeString(paired(path, text.toString()));
    } else if (value instanceof Boolean flag) {
      out.writeBoolean(flag);
    } else if (value instanceof QmpResult result) {
      out.writeTree(result.node());
    } else if (value instanceof BigInteger number) {
      out.writeNumber(number);
    } else if (value instanceof BigDecimal number) {
      out.writeNumber(number);
    } else if (value instanceof Float || value instanceof Double) {
      double number = ((Number) value).doubleValue();
      if (!Double.isFinite(number)) {
        throw N0Exception.invalid(path, value, "must be a finite number");
      }
      out.writeNumber(number);
    } else if (value instanceof Number number) {
      out.writeNumber(number.longValue());
    } else {
      throw N0Exception.invalid(
          path, value, "must be a text, number, boolean, list or map, not " + value.getClass());
    }
  }

  /** Half a character would reach QEMU as something else. */
  private static String paired(String path, String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (i + 1 == text.length() || !Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
          throw N0Exception.invalid(path, text, "must be Unicode: it has half a surrogate pair");
        }
        i++;
      }
    }
    return text;
  }

  /** Checks that a command's name can be one. */
  static String command(String command) {
    for (int i = 0; i < command.length(); i++) {
      char c = command.charAt(i);
      if ((c < 'a' || c > 'z')
          && (c < '0' || c > '9')
          && (c < 'A' || c > 'Z')
          && c != '-'
          && c != '_'
          && c != '.') {
        throw N0Exception.invalid("command", command, "must be of letters, digits, '-', '_', '.'");
      }
    }
    if (command.isEmpty()) {
      throw N0Exception.invalid("command", command, "must not be empty");
    }
    return command;
  }

  /** Puts a request together; it is as short as can be, since QEMU 7.2 reads it byte by byte. */
  static byte[] line(String verb, String command, byte[] arguments, String id) {
    String head = "{\"" + verb + "\":\"" + command + "\"" + (arguments.length == 0 ? "" : ",\"arguments\":");
    String tail = ",\"id\":\"" + id + "\"}\n";
    byte[] line = new byte[head.length() + arguments.length + tail.length()];
    ascii(head, line, 0);
    System.arraycopy(arguments, 0, line, head.length(), arguments.length);
    ascii(tail, line, head.length() + arguments.length);
    return line;
  }

  private static void ascii(String text, byte[] into, int offset) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(bytes, 0, into, offset, bytes.length);
  }
}
