package io.n0stack.n0core.kvm.internal.commandline;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An object in JSON, written member by member. */
public final class Json {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Map<String, @Nullable Object> members = new LinkedHashMap<>();

  private Json() {}

  /**
   * Begins with the member that says what the object is.
   *
   * @param kind its name
   * @param value its value
   * @return the object
   */
  public static Json of(String kind, String value) {
    return new Json().with(kind, value);
  }

  /**
   * Adds a member.
   *
   * @param name its name
   * @param value its value: a text, a number, a truth value, or a map of such, or null
   * @return this
   */
  public Json with(String name, @Nullable Object value) {
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
