package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.temporal.ChronoField;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Compares what we read with what {@code qemu-img} says of the same image. */
final class QemuSays {
  private static final ObjectMapper JSON = new ObjectMapper();

  private QemuSays() {}

  /** Runs a program that may refuse, and returns what it ended with. */
  static int exitOf(List<String> command) {
    try {
      Process process = new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s", command).isTrue();
      return process.exitValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static void requireSameInfo(Path image, ImageFormat format, String what) {
    String name = format.name().toLowerCase(Locale.ROOT);
    // A block that is still to be written may be counted later, so either of two readings will do.
    JsonNode before = rendered(ImageInfo.read(image, format));
    JsonNode said = parsed(Images.qemuImg("info", "-f", name, "--output=json", image));
    JsonNode after = rendered(ImageInfo.read(image, format));

    ((ObjectNode) said).remove("filename");
    assertThat(said).as("%s %s", what, image).isIn(before, after);
  }

  static JsonNode parsed(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError(text, e);
    }
  }

  private static JsonNode rendered(ImageInfo info) {
    ObjectNode all = JSON.createObjectNode();
    all.put("virtual-size", info.sizeBytes());
    all.put("format", info.format().name().toLowerCase(Locale.ROOT));
    all.put("actual-size", info.allocatedBytes());
    all.put("dirty-flag", false);
    info.header().ifPresent(header -> render(all, info, header));
    // So that numbers are compared by value, as they are parsed.
    return parsed(all.toString());
  }

  private static void render(ObjectNode all, ImageInfo info, Qcow2Header header) {
    all.put("cluster-size", header.clusterSizeBytes());
    all.put("dirty-flag", header.features().dirty());
    if (header.encryption() != 0) {
      all.put("encrypted", true);
    }
    header.backingFile().ifPresent(name -> {
      all.put("backing-filename", name);
      all.put("full-backing-filename", BackingName.resolve(info.image(), name).toString());
    });
    header.backingFormat().ifPresent(format -> all.put("backing-filename-format", format));
    if (!info.snapshots().isEmpty()) {
      ArrayNode snapshots = all.putArray("snapshots");
      info.snapshots().forEach(snapshot -> render(snapshots.addObject(), snapshot));
    }
    ObjectNode specific = all.putObject("format-specific").put("type", "qcow2");
    renderData(specific.putObject("data"), info, header);
  }

  private static void render(ObjectNode json, Qcow2Snapshot snapshot) {
    json.put("id", snapshot.id()).put("name", snapshot.name());
    json.put("date-sec", snapshot.date().getEpochSecond());
    json.put("date-nsec", snapshot.date().get(ChronoField.NANO_OF_SECOND));
    json.put("vm-clock-sec", snapshot.vmClock().toSeconds());
    json.put("vm-clock-nsec", snapshot.vmClock().toNanosPart());
    json.put("vm-state-size", snapshot.vmStateBytes());
    snapshot.icount().ifPresent(count -> json.put("icount", count));
  }

  private static void renderData(ObjectNode json, ImageInfo info, Qcow2Header header) {
    json.put("compat", header.version() == 3 ? "1.1" : "0.10");
    json.put("compression-type", header.compression().name().toLowerCase(Locale.ROOT));
    json.put("refcount-bits", header.refcountBits());
    if (header.version() == 3) {
      json.put("lazy-refcounts", header.features().lazyRefcounts());
      json.put("corrupt", header.features().corrupt());
      json.put("extended-l2", header.features().extendedL2());
    }
    header.dataFile().ifPresent(name -> {
      json.put("data-file", name).put("data-file-raw", header.features().rawDataFile());
    });
    if (!info.bitmaps().isEmpty()) {
      ArrayNode bitmaps = json.putArray("bitmaps");
      info.bitmaps().forEach(bitmap -> render(bitmaps.addObject(), bitmap));
    }
    info.luks().ifPresent(luks -> render(json.putObject("encrypt").put("format", "luks"), luks));
  }

  private static void render(ObjectNode json, Qcow2Bitmap bitmap) {
    json.put("name", bitmap.name()).put("granularity", bitmap.granularityBytes());
    ArrayNode flags = json.putArray("flags");
    if (bitmap.flags().contains(Qcow2Bitmap.Flag.IN_USE)) {
      flags.add("in-use");
    }
    if (bitmap.flags().contains(Qcow2Bitmap.Flag.AUTO)) {
      flags.add("auto");
    }
  }

  private static void render(ObjectNode json, LuksHeader luks) {
    json.put("cipher-alg", luks.cipher()).put("cipher-mode", luks.mode());
    json.put("ivgen-alg", luks.ivGenerator()).put("hash-alg", luks.hash());
    luks.ivHash().ifPresent(hash -> json.put("ivgen-hash-alg", hash));
    json.put("uuid", luks.uuid()).put("payload-offset", luks.payloadOffset());
    json.put("master-key-iters", luks.masterKeyIterations());
    ArrayNode slots = json.putArray("slots");
    for (LuksHeader.Slot slot : luks.slots()) {
      boolean active = slot.state() == LuksHeader.State.ACTIVE;
      ObjectNode one = slots.addObject().put("active", active);
      one.put("key-offset", slot.keyOffset());
      if (active) {
        one.put("iters", slot.iterations()).put("stripes", slot.stripes());
      }
    }
  }

  /** One line of a map: what both sides can say. */
  record Line(
      long start,
      long length,
      int depth,
      boolean present,
      boolean zero,
      boolean data,
      long offset) {
    boolean isContinuedBy(Line next) {
      return depth == next.depth
          && present == next.present
          && zero == next.zero
          && data == next.data
          && (offset < 0 ? next.offset < 0 : next.offset == offset + length);
    }

    Line with(Line next) {
      return new Line(start, length + next.length, depth, present, zero, data, offset);
    }
  }

  static List<Line> linesOf(String map) {
    List<Line> lines = new ArrayList<>();
    for (JsonNode json : parsed(map)) {
      if (json.path("length").longValue() > 0) { // of an empty disk it says that nothing is there
        lines.add(new Line(
            json.path("start").longValue(),
            json.path("length").longValue(),
            json.path("depth").intValue(),
            json.path("present").booleanValue(),
            json.path("zero").booleanValue(),
            json.path("data").booleanValue(),
            json.path("offset").asLong(-1)));
      }
    }
    return lines;
  }

  static List<Line> linesOf(ImageMap map) {
    List<Line> lines = new ArrayList<>();
    map.forEach(extent -> {
      Line line = new Line(
          extent.start(),
          extent.length(),
          extent.depth(),
          extent.isPresent(),
          extent.isZero(),
          extent.isData(),
          extent.hostOffset().orElse(-1));
      Line last = lines.isEmpty() ? null : lines.get(lines.size() - 1);
      // We also tell compressed from encrypted data.
      if (last != null && last.isContinuedBy(line)) {
        lines.set(lines.size() - 1, last.with(line));
      } else {
        lines.add(line);
      }
    });
    return lines;
  }

  static void requireSameMap(Path image, ImageFormat format, String what) {
    String name = format.name().toLowerCase(Locale.ROOT);
    List<Line> said = List.of();
    List<Line> found = List.of();
    // A block that is reserved but not written is a hole to lseek(2) until somebody reads near it,
    // which brings it into the page cache. So both have read all before they are compared.
    for (int reading = 0; reading < 2; reading++) {
      said = linesOf(Images.qemuImg("map", "-f", name, "--output=json", image));
      try (ImageMap map = ImageMap.open(Qcow2Chain.read(image, format))) {
        found = linesOf(map);
      }
    }
    assertThat(found).as("%s %s", what, image).isEqualTo(said);
  }
}
