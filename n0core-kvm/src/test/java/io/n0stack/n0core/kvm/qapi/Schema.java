package io.n0stack.n0core.kvm.qapi;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What query-qmp-schema says: makes values of a type and judges arguments by it. */
final class Schema {
  /** How much of what may be sent is sent. */
  enum Extent {
    LEAST,
    MOST,
    FUTURE
  }

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int DEPTH = 7;

  private final Map<String, JsonNode> types = new TreeMap<>();

  Schema(String json) {
    try {
      for (JsonNode item : JSON.readTree(json)) {
        types.put(item.path("meta-type").asText() + ":" + item.path("name").asText(), item);
        types.put(item.path("name").asText(), item);
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  Set<String> names(String metaType) {
    Set<String> found = new TreeSet<>();
    types.keySet().stream()
        .filter(name -> name.startsWith(metaType + ":"))
        .forEach(name -> found.add(name.substring(metaType.length() + 1)));
    return found;
  }

  boolean has(String command) {
    return types.containsKey("command:" + command);
  }

  boolean isUrgent(String command) {
    return type("command:" + command).path("allow-oob").asBoolean();
  }

  /** A result of a command; successive rounds go through all words and variants. */
  JsonNode result(String command, Extent extent, int round) {
    return value(type("command:" + command).path("ret-type").asText(), extent, round, 0);
  }

  JsonNode event(String name, Extent extent, int round) {
    return value(type("event:" + name).path("arg-type").asText(), extent, round, 0);
  }

  private JsonNode value(String type, Extent extent, int round, int depth) {
    JsonNode definition = type(type);
    return switch (definition.path("meta-type").asText()) {
      case "builtin" -> builtin(definition.path("json-type").asText(), round);
      case "enum" -> word(definition.path("members"), extent, round);
      case "array" -> {
        ArrayNode list = NODES.arrayNode();
        if (depth < DEPTH) {
          list.add(value(definition.path("element-type").asText(), extent, round, depth + 1));
        }
        yield list;
      }
      case "alternate" -> {
        JsonNode choices = definition.path("members");
        JsonNode choice = choices.path(round % choices.size());
        yield value(choice.path("type").asText(), extent, round, depth);
      }
      default -> object(definition, extent, round, depth);
    };
  }

  private static JsonNode word(JsonNode words, Extent extent, int round) {
    return extent == Extent.FUTURE
        ? NODES.textNode("of-the-future")
        : words.path(round % words.size()).path("name");
  }

  private JsonNode type(String name) {
    return Objects.requireNonNull(types.get(name), name);
  }

  private static JsonNode builtin(String type, int round) {
    return switch (type) {
      case "string" -> NODES.textNode("text");
      case "int" -> NODES.numberNode(7 + round);
      case "number" -> NODES.numberNode(1.5);
      case "boolean" -> NODES.booleanNode(round % 2 == 0);
      case "null" -> NODES.nullNode();
      default -> NODES.objectNode().put("stats", "text");
    };
  }

  private ObjectNode object(JsonNode definition, Extent extent, int round, int depth) {
    ObjectNode made = NODES.objectNode();
    for (JsonNode member : definition.path("members")) {
      if (!member.has("default") || (extent != Extent.LEAST && depth < DEPTH)) {
        made.set(
            member.path("name").asText(),
            value(member.path("type").asText(), extent, round, depth + 1));
      }
    }
    if (extent == Extent.FUTURE) {
      made.put("of-the-future", 1);
    }
    String word = made.path(definition.path("tag").asText()).asText();
    for (JsonNode variant : definition.path("variants")) {
      if (variant.path("case").asText().equals(word)) {
        made.setAll(object(type(variant.path("type").asText()), extent, round, depth));
      }
    }
    return made;
  }

  /** Says what is wrong with a command; an empty list if it could be sent. */
  List<String> judge(String command, Map<String, ?> arguments) {
    if (!has(command)) {
      return List.of("no command " + command);
    }
    List<String> wrong = new ArrayList<>();
    JsonNode given = JSON.valueToTree(arguments);
    judge(command, type("command:" + command).path("arg-type").asText(), given, wrong);
    return wrong;
  }

  private void judge(String at, String type, JsonNode given, List<String> wrong) {
    JsonNode definition = type(type);
    switch (definition.path("meta-type").asText()) {
      case "builtin" -> {
        if (!fits(definition.path("json-type").asText(), given)) {
          wrong.add(at + ": " + given + " is no " + definition.path("json-type"));
        }
      }
      case "enum" -> {
        if (!definition.path("members").findValues("name").contains(given)) {
          wrong.add(at + ": no word " + given);
        }
      }
      case "array" -> {
        if (!given.isArray()) {
          wrong.add(at + ": no list");
        }
        given.forEach(
            item -> judge(at + "[]", definition.path("element-type").asText(), item, wrong));
      }
      case "alternate" -> judgeAlternate(at, definition, given, wrong);
      default -> judgeObject(at, definition, given, wrong);
    }
  }

  private void judgeAlternate(String at, JsonNode definition, JsonNode given, List<String> wrong) {
    for (JsonNode choice : definition.path("members")) {
      List<String> not = new ArrayList<>();
      judge(at, choice.path("type").asText(), given, not);
      if (not.isEmpty()) {
        return;
      }
    }
    wrong.add(at + ": none of the choices for " + given);
  }

  private static boolean fits(String type, JsonNode given) {
    return switch (type) {
      case "string" -> given.isTextual();
      case "int" -> given.isIntegralNumber();
      case "number" -> given.isNumber();
      case "boolean" -> given.isBoolean();
      case "null" -> given.isNull();
      default -> true;
    };
  }

  private void judgeObject(String at, JsonNode definition, JsonNode given, List<String> wrong) {
    Set<String> allowed = new HashSet<>();
    judgeMembers(at, definition, given, allowed, wrong);
    String word = given.path(definition.path("tag").asText()).asText();
    for (JsonNode variant : definition.path("variants")) {
      if (variant.path("case").asText().equals(word)) {
        JsonNode part = type(variant.path("type").asText());
        judgeMembers(at, part, given, allowed, wrong);
        String inner = given.path(part.path("tag").asText()).asText();
        for (JsonNode deeper : part.path("variants")) {
          if (deeper.path("case").asText().equals(inner)) {
            judgeMembers(at, type(deeper.path("type").asText()), given, allowed, wrong);
          }
        }
      }
    }
    given.fieldNames().forEachRemaining(name -> {
      if (!allowed.contains(name)) {
        wrong.add(at + ": no member " + name);
      }
    });
  }

  private void judgeMembers(
      String at, JsonNode definition, JsonNode given, Set<String> allowed, List<String> wrong) {
    for (JsonNode member : definition.path("members")) {
      String name = member.path("name").asText();
      allowed.add(name);
      if (given.has(name)) {
        judge(at + "." + name, member.path("type").asText(), given.path(name), wrong);
      } else if (!member.has("default")) {
        wrong.add(at + ": lacks " + name);
      }
    }
  }
}
