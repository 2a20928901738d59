package io.n0stack.n0core.storage.qemuimg;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.qemuimg.CheckResult.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads what {@code qemu-img} answers. */
final class Answers {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern VERSION = Pattern.compile("qemu-img version (\\S+)");
  private static final Pattern PROGRESS = Pattern.compile("\\((\\d{1,3}\\.\\d\\d)/100%\\)");
  private static final Pattern MISMATCH = Pattern.compile("at offset (\\d{1,18})");

  private Answers() {}

  static String version(String output) {
    Matcher version = VERSION.matcher(output);
    if (!version.find()) {
      throw unreadable("qemu-img --version", output);
    }
    return version.group(1);
  }

  static double fraction(String output) {
    Matcher matcher = PROGRESS.matcher(output);
    double percent = 0;
    while (matcher.find()) {
      percent = Double.parseDouble(matcher.group(1));
    }
    return Math.min(1, percent / 100);
  }

  /** The numbers decide, not the exit code: after a repair that speaks of what is left. */
  static CheckResult check(String operation, String output) {
    JsonNode json = object(operation, output);
    long errors = number(operation, json, "check-errors");
    long corruptions = json.path("corruptions").asLong();
    long leaks = json.path("leaks").asLong();
    Verdict verdict = Verdict.CLEAN;
    if (errors > 0) {
      verdict = Verdict.INCOMPLETE;
    } else if (corruptions > 0) {
      verdict = Verdict.CORRUPT;
    } else if (leaks > 0) {
      verdict = Verdict.LEAKS;
    }
    return new CheckResult(
        verdict,
        corruptions,
        leaks,
        errors,
        json.path("corruptions-fixed").asLong(),
        json.path("leaks-fixed").asLong());
  }

  static Measurement measure(String operation, String output) {
    JsonNode json = object(operation, output);
    JsonNode bitmaps = json.path("bitmaps");
    return new Measurement(
        number(operation, json, "required"),
        number(operation, json, "fully-allocated"),
        bitmaps.isIntegralNumber() ? OptionalLong.of(bitmaps.asLong()) : OptionalLong.empty());
  }

  static List<InternalSnapshot> snapshots(String operation, String output) {
    List<InternalSnapshot> snapshots = new ArrayList<>();
    for (JsonNode json : object(operation, output).path("snapshots")) {
      snapshots.add(new InternalSnapshot(
          json.path("id").asText(),
          json.path("name").asText(),
          Instant.ofEpochSecond(
              number(operation, json, "date-sec"), json.path("date-nsec").asLong()),
          json.path("vm-state-size").asLong()));
    }
    return List.copyOf(snapshots);
  }

  static long virtualSize(String operation, String output) {
    return number(operation, object(operation, output), "virtual-size");
  }

  static OptionalLong mismatch(String output) {
    Matcher matcher = MISMATCH.matcher(output);
    return matcher.find()
        ? OptionalLong.of(Long.parseLong(matcher.group(1)))
        : OptionalLong.empty();
  }

  private static JsonNode object(String operation, String output) {
    try {
      JsonNode json = JSON.readTree(output);
      if (json != null && json.isObject()) {
        return json;
      }
    } catch (JsonProcessingException e) {
      throw unreadable(operation, output);
    }
    throw unreadable(operation, output);
  }

  private static long number(String operation, JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.isIntegralNumber() || !value.canConvertToLong() || value.asLong() < 0) {
      throw unreadable(operation, json.toString());
    }
    return value.asLong();
  }

  private static N0Exception unreadable(String operation, String output) {
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        "qemu-img",
        operation + ": answered " + Rules.quote(output) + ", which is no answer to that");
  }
}
