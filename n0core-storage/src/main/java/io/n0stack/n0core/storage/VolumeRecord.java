package io.n0stack.n0core.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;

/**
 * What a volume is to be, durable before its disk is touched.
 *
 * @param id its stamp
 * @param format recorded here because it must never be guessed from the content
 * @param sizeBytes what the guest is to see
 * @param source its first content
 */
record VolumeRecord(
    ResourceId id, ImageFormat format, long sizeBytes, Optional<ImageSource> source) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int VERSION = 1;

  VolumeRecord withSizeBytes(long bytes) {
    return new VolumeRecord(id, format, bytes, source);
  }

  Optional<ImageSource.Backing> backing() {
    return source
        .filter(ImageSource.Backing.class::isInstance)
        .map(ImageSource.Backing.class::cast);
  }

  byte[] encode() throws IOException {
    ObjectNode node = JSON.createObjectNode()
        .put("version", VERSION)
        .put("kind", id.kind())
        .put("name", id.name())
        .put("uid", id.uid().toString())
        .put("format", format.name())
        .put("sizeBytes", sizeBytes);
    source.ifPresent(from -> encode(from, node.putObject("source")));
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(node);
  }

  private static void encode(ImageSource source, ObjectNode node) {
    if (source instanceof ImageSource.Backing backing) {
      node.put("format", backing.format().name());
      node.put("type", "backing").put("image", backing.image().toString());
    } else if (source instanceof ImageSource.Copy copy) {
      node.put("format", copy.format().name());
      node.put("type", "copy").put("image", copy.image().toString());
    } else {
      throw new IllegalArgumentException("source " + source + " cannot be recorded");
    }
  }

  /** Decodes a record; throws an IOException that says what is wrong with it. */
  static VolumeRecord decode(byte[] bytes) throws IOException {
    try {
      JsonNode node = JSON.readTree(bytes);
      if (number(node, "version") != VERSION) {
        throw new IOException("written by another version: " + node.get("version"));
      }
      UUID uid = UUID.fromString(text(node, "uid"));
      JsonNode source = node.get("source");
      return new VolumeRecord(
          new ResourceId(text(node, "kind"), text(node, "name"), uid),
          ImageFormat.valueOf(text(node, "format")),
          number(node, "sizeBytes"),
          source == null ? Optional.empty() : Optional.of(source(source)));
    } catch (JsonProcessingException e) {
      throw new IOException("not JSON: " + e.getOriginalMessage(), e);
    } catch (N0Exception | IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static ImageSource source(JsonNode node) throws IOException {
    Path image = Path.of(text(node, "image"));
    ImageFormat format = ImageFormat.valueOf(text(node, "format"));
    return switch (text(node, "type")) {
      case "backing" -> new ImageSource.Backing(image, format);
      case "copy" -> new ImageSource.Copy(image, format);
      default -> throw new IOException("unknown type of source " + node.get("type"));
    };
  }

  private static String text(JsonNode node, String field) throws IOException {
    JsonNode value = node.get(field);
    if (value == null || !value.isTextual()) {
      throw new IOException("no text in field " + field);
    }
    return value.textValue();
  }

  private static long number(JsonNode node, String field) throws IOException {
    JsonNode value = node.get(field);
    if (value == null || !value.isIntegralNumber() || !value.canConvertToLong()) {
      throw new IOException("no whole number in field " + field);
    }
    return value.longValue();
  }
}
