package io.n0stack.n0core.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/** The specs on record as one text, and back. */
final class Backup {
  private static final int VERSION = 1;
  private static final String ENTRY = "resources[]";

  private final Host host;
  private final JsonCodec codec;

  Backup(Host host, JsonCodec codec) {
    this.host = host;
    this.codec = codec;
  }

  /** Writes all that is to stay. */
  String write(List<Intent> intents) {
    ObjectNode tree = (ObjectNode) codec.object();
    tree.put("version", VERSION);
    ArrayNode resources = tree.putArray("resources");
    for (Intent intent : intents) {
      if (!intent.leaving()) {
        ResourceId id = intent.id();
        resources
            .addObject()
            .put("kind", id.kind())
            .put("name", id.name())
            .put("uid", id.uid().toString())
            .put("generation", intent.generation())
            .put("onFailure", intent.options().onFailure().name().toLowerCase(Locale.ROOT))
            .set("spec", codec.encoded(host.driver(id.kind()).describe().spec(), intent.spec()));
      }
    }
    return codec.text(tree);
  }

  /** Reads a backup; what is wrong in it is found before anything is done. */
  List<Intent> read(String json) {
    JsonNode tree = codec.tree("backup", json);
    JsonCodec.requireFields("backup", tree, Set.of("version", "resources"));
    if (tree.path("version").asInt() != VERSION) {
      throw N0Exception.invalid("version", tree.path("version"), "must be " + VERSION);
    }
    if (!tree.path("resources").isArray()) {
      throw N0Exception.invalid("resources", tree.path("resources"), "must be an array");
    }
    Map<Reference, Intent> intents = new HashMap<>();
    List<Bundle.Entry> entries = new ArrayList<>();
    for (JsonNode entry : tree.path("resources")) {
      Intent intent = intent(entry);
      intents.put(intent.id().reference(), intent);
      entries.add(new Bundle.Entry(intent.id().reference(), intent.spec()));
    }
    // An agent that dies while it takes them on record has taken what each of them needs.
    return new Bundle(entries)
        .entries().stream().map(entry -> intents.get(entry.reference())).toList();
  }

  private Intent intent(JsonNode entry) {
    JsonCodec.requireFields(
        ENTRY, entry, Set.of("kind", "name", "uid", "generation", "onFailure", "spec"));
    Reference reference =
        new Reference(entry.path("kind").asText(), entry.path("name").asText());
    ResourceId id = new ResourceId(
        reference.kind(),
        reference.name(),
        value("uid", entry, UUID::fromString, "must be a UUID"));
    OnFailure policy = value(
        "onFailure",
        entry,
        text -> OnFailure.valueOf(text.toUpperCase(Locale.ROOT)),
        "must be one of " + Arrays.toString(OnFailure.values()));
    Class<? extends Spec> type = host.driver(id.kind()).describe().spec();
    return Intent.existing(
        id,
        codec.decoded(id.toString(), type, entry.path("spec")),
        Math.max(1, entry.path("generation").asLong()),
        new ApplyOptions(policy, Disruption.NONE));
  }

  private static <X> X value(
      String field, JsonNode entry, Function<String, X> reading, String rule) {
    String text = entry.path(field).asText();
    try {
      return reading.apply(text);
    } catch (IllegalArgumentException e) {
      throw N0Exception.invalid(field, text, rule);
    }
  }
}
