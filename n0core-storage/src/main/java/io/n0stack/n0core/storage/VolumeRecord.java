package io.n0stack.n0core.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * What a volume is to be, durable before its disk is touched.
 *
 * @param id its stamp
 * @param format recorded here because it must never be guessed from the content
 * @param sizeBytes what the guest is to see
 * @param source its first content
 * @param preallocation what of its space is taken when it is made
 * @param encryption how it is encrypted
 * @param shape which files its content is in
 * @param next which files it is going to be in, while that is being changed
 * @param consistency of those external snapshots of which more is known than that they exist
 */
record VolumeRecord(
    ResourceId id,
    ImageFormat format,
    long sizeBytes,
    Optional<ImageSource> source,
    Preallocation preallocation,
    Optional<Encryption> encryption,
    Shape shape,
    Optional<Next> next,
    Map<String, SnapshotConsistency> consistency) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int VERSION = 1;

  /**
   * The files of a volume, one on the other.
   *
   * @param snapshots its external snapshots, oldest first; above each lies a layer that bears its name
   * @param base what the lowest layer lies on
   */
  record Shape(List<String> snapshots, Optional<ImageSource.Backing> base) {
    Shape {
      snapshots = List.copyOf(snapshots);
    }

    Shape with(String snapshot) {
      List<String> more = new ArrayList<>(snapshots);
      more.add(snapshot);
      return new Shape(more, base);
    }

    Shape without(String snapshot) {
      List<String> fewer = new ArrayList<>(snapshots);
      fewer.remove(snapshot);
      return new Shape(fewer, base);
    }

    Shape upTo(String snapshot) {
      return new Shape(snapshots.subList(0, snapshots.indexOf(snapshot) + 1), base);
    }

    Shape on(Optional<ImageSource.Backing> image) {
      return new Shape(snapshots, image);
    }
  }

  /** What is being done to the files. */
  enum Change {
    /** A layer is put on top. */
    SNAPSHOT,
    /** A layer is put on top, at the same moment as on other volumes. */
    TOGETHER,
    /** A layer is joined into the one below it. */
    JOIN,
    /** The layers above a snapshot are thrown away. */
    REVERT,
    /** The lowest layer is put on another image, or on none. */
    REBASE,
    /** What the file holds is changed; the shape stays. */
    WITHIN
  }

  /**
   * A shape that is not reached yet, or perhaps just so.
   *
   * @param change how it is reached
   * @param shape the shape
   * @param with the volumes that are changed at the same moment, this one included
   */
  record Next(Change change, Shape shape, List<ResourceId> with) {
    Next {
      with = List.copyOf(with);
    }
  }

  VolumeRecord {
    consistency = Map.copyOf(consistency);
  }

  /** Begins the record of a volume that is to be made. */
  static VolumeRecord of(
      ResourceId id, ImageFormat format, long sizeBytes, Optional<ImageSource> source) {
    return new VolumeRecord(
        id,
        format,
        sizeBytes,
        source,
        Preallocation.OFF,
        Optional.empty(),
        new Shape(
            List.of(),
            source
                .filter(ImageSource.Backing.class::isInstance)
                .map(ImageSource.Backing.class::cast)),
        Optional.empty(),
        Map.of());
  }

  VolumeRecord made(Preallocation how, Optional<Encryption> key) {
    return new VolumeRecord(id, format, sizeBytes, source, how, key, shape, next, consistency);
  }

  VolumeRecord withSizeBytes(long bytes) {
    return new VolumeRecord(
        id, format, bytes, source, preallocation, encryption, shape, next, consistency);
  }

  /** Says what the shape is going to be. */
  VolumeRecord towards(Change change, Shape wanted) {
    return begun(new Next(change, wanted, List.of()));
  }

  /** Says what the shape is going to be, at the same moment as that of others. */
  VolumeRecord together(Shape wanted, List<ResourceId> with) {
    return begun(new Next(Change.TOGETHER, wanted, with));
  }

  private VolumeRecord begun(Next what) {
    Optional<Next> begun = Optional.of(what);
    return new VolumeRecord(
        id, format, sizeBytes, source, preallocation, encryption, shape, begun, consistency);
  }

  /** Says that the shape is this and no other. */
  VolumeRecord shaped(Shape reached) {
    Map<String, SnapshotConsistency> known = new HashMap<>(consistency);
    known.keySet().retainAll(reached.snapshots());
    return new VolumeRecord(
        id, format, sizeBytes, source, preallocation, encryption, reached, Optional.empty(), known);
  }

  /** Says what is known of a snapshot. */
  VolumeRecord knowing(String snapshot, SnapshotConsistency how) {
    Map<String, SnapshotConsistency> known = new HashMap<>(consistency);
    known.put(snapshot, how);
    return new VolumeRecord(
        id, format, sizeBytes, source, preallocation, encryption, shape, next, known);
  }

  Optional<ImageSource.Backing> backing() {
    return shape.base();
  }

  byte[] encode() throws IOException {
    ObjectNode node = JSON.createObjectNode()
        .put("version", VERSION)
        .put("kind", id.kind())
        .put("name", id.name())
        .put("uid", id.uid().toString())
        .put("format", format.name())
        .put("sizeBytes", sizeBytes)
        .put("preallocation", preallocation.name());
    source.ifPresent(from -> encode(from, node.putObject("source")));
    encryption.ifPresent(key -> node.put("keyFile", key.keyFile().toString()));
    encode(shape, node.putObject("shape"));
    ObjectNode known = node.putObject("consistency");
    consistency.forEach((snapshot, how) -> known.put(snapshot, how.name()));
    next.ifPresent(begun -> {
      ObjectNode object = node.putObject("next").put("change", begun.change().name());
      encode(begun.shape(), object);
      ArrayNode with = object.putArray("with");
      begun
          .with()
          .forEach(other ->
              with.addObject().put("name", other.name()).put("uid", other.uid().toString()));
    });
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(node);
  }

  private static void encode(Shape shape, ObjectNode node) {
    ArrayNode snapshots = node.putArray("snapshots");
    shape.snapshots().forEach(snapshots::add);
    shape.base().ifPresent(base -> encode(base, node.putObject("base")));
  }

  private static void encode(ImageSource source, ObjectNode node) {
    if (source instanceof ImageSource.Backing backing) {
      node.put("type", "backing")
          .put("format", backing.format().name())
          .put("image", backing.image().toString());
    } else if (source instanceof ImageSource.Copy copy) {
      node.put("type", "copy")
          .put("format", copy.format().name())
          .put("image", copy.image().toString());
    } else if (source instanceof ImageSource.Conversion conversion) {
      node.put("type", "conversion")
          .put("format", conversion.from().name())
          .put("image", conversion.image().toString());
    } else if (source instanceof ImageSource.Download download) {
      node.put("type", "download")
          .put("format", download.format().name())
          .put("uri", download.uri().toString())
          .put("digest", download.digest());
      download.compression().ifPresent(how -> node.put("compression", how.name()));
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
      JsonNode source = node.get("source");
      JsonNode next = node.get("next");
      return new VolumeRecord(
          new ResourceId(
              text(node, "kind"), text(node, "name"), UUID.fromString(text(node, "uid"))),
          ImageFormat.valueOf(text(node, "format")),
          number(node, "sizeBytes"),
          source == null ? Optional.empty() : Optional.of(source(source)),
          Preallocation.valueOf(text(node, "preallocation")),
          node.has("keyFile")
              ? Optional.of(new Encryption(Path.of(text(node, "keyFile"))))
              : Optional.empty(),
          shape(node.path("shape")),
          next == null
              ? Optional.empty()
              : Optional.of(
                  new Next(Change.valueOf(text(next, "change")), shape(next), with(node, next))),
          consistency(node.path("consistency")));
    } catch (JsonProcessingException e) {
      throw new IOException("not JSON: " + e.getOriginalMessage(), e);
    } catch (N0Exception | IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static List<ResourceId> with(JsonNode node, JsonNode next) throws IOException {
    List<ResourceId> others = new ArrayList<>();
    for (JsonNode other : next.path("with")) {
      others.add(new ResourceId(
          text(node, "kind"), text(other, "name"), UUID.fromString(text(other, "uid"))));
    }
    return others;
  }

  /** Records that were written before this was noted have none. */
  private static Map<String, SnapshotConsistency> consistency(JsonNode node) throws IOException {
    Map<String, SnapshotConsistency> known = new HashMap<>();
    Iterator<String> names = node.fieldNames();
    while (names.hasNext()) {
      String name = names.next();
      known.put(name, SnapshotConsistency.valueOf(text(node, name)));
    }
    return known;
  }

  private static Shape shape(JsonNode node) throws IOException {
    JsonNode snapshots = node.get("snapshots");
    if (snapshots == null || !snapshots.isArray()) {
      throw new IOException("no list in field snapshots");
    }
    List<String> names = new ArrayList<>();
    for (JsonNode name : snapshots) {
      if (!name.isTextual() || names.contains(name.textValue())) {
        throw new IOException("no name of its own in field snapshots: " + name);
      }
      names.add(Rules.label("snapshots", name.textValue()));
    }
    JsonNode base = node.get("base");
    if (base == null) {
      return new Shape(names, Optional.empty());
    }
    if (source(base) instanceof ImageSource.Backing backing) {
      return new Shape(names, Optional.of(backing));
    }
    throw new IOException("no backing image in field base");
  }

  private static ImageSource source(JsonNode node) throws IOException {
    String format = text(node, "format");
    return switch (text(node, "type")) {
      case "backing" -> new ImageSource.Backing(image(node), ImageFormat.valueOf(format));
      case "copy" -> new ImageSource.Copy(image(node), ImageFormat.valueOf(format));
      case "conversion" -> new ImageSource.Conversion(image(node), ForeignFormat.valueOf(format));
      case "download" ->
        new ImageSource.Download(
            URI.create(text(node, "uri")),
            text(node, "digest"),
            ImageFormat.valueOf(format),
            node.has("compression")
                ? Optional.of(ImageSource.Compression.valueOf(text(node, "compression")))
                : Optional.empty());
      default -> throw new IOException("unknown type of source " + node.get("type"));
    };
  }

  private static Path image(JsonNode node) throws IOException {
    return Path.of(text(node, "image"));
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
