package io.n0stack.n0core.membership.internal.record;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Node;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Reads and writes records and messages; what it reads may come from anybody. */
public final class NodeJson {
  /** The largest record. */
  public static final int MAX_NODE_BYTES = 64 << 10;

  /** The largest message. */
  public static final int MAX_MESSAGE_BYTES = 1 << 20;

  private static final JsonMapper MAPPER = mapper();
  private static final ObjectWriter NODES = MAPPER.writerFor(Node.class);

  private NodeJson() {}

  private static JsonMapper mapper() {
    StreamReadConstraints limits = StreamReadConstraints.builder()
        .maxDocumentLength(MAX_MESSAGE_BYTES)
        .maxNestingDepth(16)
        .maxStringLength(MAX_NODE_BYTES)
        .maxNameLength(4096)
        .maxNumberLength(32)
        .build();
    JsonFactory factory = JsonFactory.builder()
        .streamReadConstraints(limits)
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .build();
    return JsonMapper.builder(factory)
        .addModule(new Jdk8Module())
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES) // a newer peer may say more
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
        .defaultPropertyInclusion(
            JsonInclude.Value.construct(JsonInclude.Include.NON_ABSENT, JsonInclude.Include.ALWAYS))
        .withConfigOverride(
            Map.class,
            override -> override.setSetterInfo(JsonSetter.Value.forValueNulls(Nulls.AS_EMPTY)))
        .build();
  }

  /**
   * Writes a record.
   *
   * @param node the record
   * @return its JSON
   * @throws N0Exception INVALID if it is too large
   */
  public static String encode(Node node) {
    String json = write(NODES, node);
    int bytes = json.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_NODE_BYTES) {
      throw N0Exception.invalid(
          "node", node.name(), "must be at most " + MAX_NODE_BYTES + " bytes of JSON, is " + bytes);
    }
    return json;
  }

  /**
   * Reads a record.
   *
   * @param json its JSON
   * @return the record
   * @throws N0Exception INVALID if it is malformed, breaks a rule or is too large
   */
  public static Node decode(String json) {
    return read("node record", json.getBytes(StandardCharsets.UTF_8), MAX_NODE_BYTES, Node.class);
  }

  /**
   * Reads anything.
   *
   * @param what what it is, for errors
   * @param json its JSON
   * @param most how many bytes it may have
   * @param type what it becomes
   * @param <T> what that is
   * @return what it says
   * @throws N0Exception INVALID if it is malformed, breaks a rule or is too large
   */
  public static <T> T read(String what, byte[] json, int most, Class<T> type) {
    if (json.length > most) {
      throw N0Exception.invalid(what, json.length + " bytes", "must be at most " + most + " bytes");
    }
    T value;
    try {
      value = MAPPER.readValue(json, type);
    } catch (IOException e) {
      throw malformed(what, e);
    }
    if (value == null) {
      throw N0Exception.invalid(what, "null", "must be a JSON object");
    }
    return value;
  }

  /**
   * Writes anything.
   *
   * @param value what to write
   * @return its JSON
   */
  public static byte[] bytes(Object value) {
    return write(MAPPER.writer(), value).getBytes(StandardCharsets.UTF_8);
  }

  private static String write(ObjectWriter writer, Object value) {
    try {
      return writer.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new N0Exception(Code.INTERNAL, "json", "write " + value.getClass().getName(), e);
    }
  }

  private static N0Exception malformed(String what, IOException failure) {
    if (failure.getCause() instanceof N0Exception rule) {
      return rule;
    }
    String reason = failure instanceof JsonProcessingException json
        ? json.getOriginalMessage()
        : String.valueOf(failure.getMessage());
    String shortened = reason.length() > 200 ? reason.substring(0, 200) : reason;
    return new N0Exception(Code.INVALID, what, "read " + what + ": " + shortened, failure);
  }
}
