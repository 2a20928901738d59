package io.n0stack.n0core.kvm.internal.commandline;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;

/** An object in JSON, written member by member. */
final class Json {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Map<String, Object> members = new LinkedHashMap<>();

  private Json() {}

  /** Begins with the member that says what the object is. */
  static Json of(String kind, String value) {
    return new Json().with(kind, value);
  }

  Json with(String name, Object value) {
    members.put(name, value);
    return this;
  }

  @Override
  public String toString() {
    try {
      return MAPPER.writeValueAsString(members);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(String.valueOf(members.keySet()), e);
    }
  }
}
