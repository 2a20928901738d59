package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A JSON value that QEMU sent, read through JSON pointers (RFC 6901) such as {@code /status}; the
 * empty pointer is the value itself. Immutable.
 *
 * @since 0.1
 */
public final class QmpResult {
  private final JsonNode node;

  QmpResult(JsonNode node) {
    this.node = node;
  }

  JsonNode node() {
    return node;
  }

  /**
   * Finds a part.
   *
   * @param pointer where it is
   * @return the part, empty if there is none or it is null
   */
  public Optional<QmpResult> find(String pointer) {
    JsonNode found = node.at(pointer);
    return found.isMissingNode() || found.isNull()
        ? Optional.empty()
        : Optional.of(new QmpResult(found));
  }

  /**
   * Reads a text.
   *
   * @param pointer where it is
   * @return the text
   * @throws N0Exception INTERNAL if there is no text
   */
  public String text(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isTextual(), pointer, "a text");
    return found.textValue();
  }

  /**
   * Reads a whole number that fits a long. QEMU's 64-bit counters are unsigned: {@link #unsigned}.
   *
   * @param pointer where it is
   * @return the number
   * @throws N0Exception INTERNAL if there is no such number
   */
  public long number(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isIntegralNumber() && found.canConvertToLong(), pointer, "a 64-bit number");
    return found.longValue();
  }

  /**
   * Reads a whole number of any size.
   *
   * @param pointer where it is
   * @return the number
   * @throws N0Exception INTERNAL if there is no whole number
   */
  public BigInteger unsigned(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isIntegralNumber(), pointer, "a whole number");
    return found.bigIntegerValue();
  }

  /**
   * Reads a truth value.
   *
   * @param pointer where it is
   * @return the value
   * @throws N0Exception INTERNAL if there is none
   */
  public boolean flag(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isBoolean(), pointer, "true or false");
    return found.booleanValue();
  }

  /**
   * Reads a list.
   *
   * @param pointer where it is
   * @return its items
   * @throws N0Exception INTERNAL if there is no list
   */
  public List<QmpResult> list(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isArray(), pointer, "a list");
    List<QmpResult> items = new ArrayList<>();
    found.forEach(item -> items.add(new QmpResult(item)));
    return List.copyOf(items);
  }

  /**
   * Reads an object.
   *
   * @param pointer where it is
   * @return its members by name, in QEMU's order, without those that are null
   * @throws N0Exception INTERNAL if there is no object
   */
  public Map<String, QmpResult> members(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isObject(), pointer, "an object");
    Map<String, QmpResult> members = new LinkedHashMap<>();
    found.properties().forEach(member -> {
      if (!member.getValue().isNull()) {
        members.put(member.getKey(), new QmpResult(member.getValue()));
      }
    });
    return Collections.unmodifiableMap(members);
  }

  /** Returns the value as JSON. */
  @Override
  public String toString() {
    return node.toString();
  }

  private static void require(boolean holds, String pointer, String what) {
    if (!holds) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          "QMP result",
          "read QMP result at \"" + pointer + "\": there is not " + what);
    }
  }
}
