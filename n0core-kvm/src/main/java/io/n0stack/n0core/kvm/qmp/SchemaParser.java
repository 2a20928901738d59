package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.n0stack.n0core.kvm.qmp.SchemaEntry.Member;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the answer to query-qmp-schema, token by token: as a tree it would be made twice. */
final class SchemaParser {
  private static final int USUAL = 2048;

  private final JsonParser in;

  private SchemaParser(JsonParser in) {
    this.in = in;
  }

  /** Returns the entries by name; types are named by numbers, which no command and no event is. */
  static Map<String, SchemaEntry> parse(byte[] answer) throws IOException {
    try (JsonParser parser = Replies.JSON.createParser(answer)) {
      return new SchemaParser(parser).answer();
    }
  }

  private Map<String, SchemaEntry> answer() throws IOException {
    Map<String, SchemaEntry> entries = new HashMap<>(USUAL);
    require(in.nextToken() == JsonToken.START_OBJECT);
    for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
      in.nextToken();
      if (field.equals("return")) {
        require(in.currentToken() == JsonToken.START_ARRAY);
        while (in.nextToken() == JsonToken.START_OBJECT) {
          SchemaEntry entry = entry();
          entries.put(entry.name, entry);
        }
      } else {
        in.skipChildren();
      }
    }
    require(!entries.isEmpty());
    return entries;
  }

  private SchemaEntry entry() throws IOException {
    SchemaEntry entry = new SchemaEntry();
    for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
      in.nextToken();
      switch (field) {
        case "name" -> entry.name = in.getText();
        case "meta-type" -> entry.kind = in.getText();
        case "json-type" -> entry.json = in.getText();
        case "arg-type" -> entry.argumentType = in.getText();
        case "ret-type" -> entry.resultType = in.getText();
        case "element-type" -> entry.elementType = in.getText();
        case "tag" -> entry.tag = in.getText();
        case "members" -> entry.members = members("name");
        case "variants" -> entry.cases = members("case");
        case "features" -> entry.features = texts();
        case "values" -> entry.plainValues(texts());
        default -> in.skipChildren();
      }
    }
    return entry;
  }

  private List<Member> members(String nameField) throws IOException {
    require(in.currentToken() == JsonToken.START_ARRAY);
    List<Member> members = new ArrayList<>();
    while (in.nextToken() == JsonToken.START_OBJECT) {
      String name = "";
      String type = "";
      boolean optional = false;
      List<String> features = List.of();
      for (String field = in.nextFieldName(); field != null; field = in.nextFieldName()) {
        in.nextToken();
        if (field.equals(nameField)) {
          name = in.getText();
        } else if (field.equals("type")) {
          type = in.getText();
        } else if (field.equals("features")) {
          features = texts();
        } else {
          optional |= field.equals("default");
          in.skipChildren();
        }
      }
      members.add(new Member(name, type, optional, features));
    }
    return members;
  }

  private List<String> texts() throws IOException {
    require(in.currentToken() == JsonToken.START_ARRAY);
    List<String> texts = new ArrayList<>();
    while (in.nextToken() == JsonToken.VALUE_STRING) {
      texts.add(in.getText());
    }
    require(in.currentToken() == JsonToken.END_ARRAY);
    return texts;
  }

  private static void require(boolean holds) throws IOException {
    if (!holds) {
      throw new IOException("not a QMP schema");
    }
  }
}
