package io.n0stack.n0core.kvm.guest;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * A JSON value that the guest's agent sent, read through JSON pointers (RFC 6901). Immutable.
 *
 * <p>The guest may send anything: texts may hold control characters and pretend to be what they are
 * not. Escape them before they reach a log or a terminal.
 *
 * @since 0.1
 */
public final class GuestResult {
  private static final int ITEMS = 65_536;

  private final JsonNode node;

  GuestResult(JsonNode node) {
    this.node = node;
  }

  /**
   * Finds a part.
   *
   * @param pointer where it is
   * @return the part, empty if there is none or it is null
   */
  public Optional<GuestResult> find(String pointer) {
    JsonNode found = node.at(pointer);
    return found.isMissingNode() || found.isNull()
        ? Optional.empty()
        : Optional.of(new GuestResult(found));
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
   * Reads a whole number that fits a long.
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
   * @throws N0Exception INTERNAL if there is no list or it has more than 65,536 items
   */
  public List<GuestResult> list(String pointer) {
    JsonNode found = node.at(pointer);
    require(found.isArray() && found.size() <= ITEMS, pointer, "a list of at most " + ITEMS);
    List<GuestResult> items = new ArrayList<>();
    found.forEach(item -> items.add(new GuestResult(item)));
    return List.copyOf(items);
  }

  /** Returns the value as JSON, with control characters escaped and cut short: fit for a log. */
  @Override
  public String toString() {
    return Rules.quote(node.toString());
  }

  Optional<String> optText(String pointer) {
    return find(pointer).map(part -> part.text(""));
  }

  OptionalLong optNumber(String pointer) {
    Optional<GuestResult> part = find(pointer);
    return part.isPresent() ? OptionalLong.of(part.get().number("")) : OptionalLong.empty();
  }

  boolean flagOr(String pointer, Choice absent) {
    return find(pointer).map(part -> part.flag("")).orElse(absent == Choice.YES);
  }

  <T> List<T> items(String pointer, Function<GuestResult, T> from) {
    return list(pointer).stream().map(from).toList();
  }

  <T> List<T> optList(String pointer, Function<GuestResult, T> from) {
    return find(pointer).map(part -> part.items("", from)).orElse(List.of());
  }

  byte[] bytes(String pointer) {
    Optional<String> text = optText(pointer);
    try {
      return text.isPresent() ? Base64.getDecoder().decode(text.get()) : new byte[0];
    } catch (IllegalArgumentException e) {
      throw malformed(pointer, "base64");
    }
  }

  private static void require(boolean holds, String pointer, String what) {
    if (!holds) {
      throw malformed(pointer, what);
    }
  }

  private static N0Exception malformed(String pointer, String what) {
    return new N0Exception(
        N0Exception.Code.INTERNAL,
        "guest agent's answer",
        "read the guest agent's answer at \"" + pointer + "\": there is not " + what);
  }

  /** What an absent flag means. */
  enum Choice {
    YES,
    NO
  }
}
