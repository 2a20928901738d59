package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.Rules;

/**
 * Refers to a resource of the same host by kind and name.
 *
 * @param kind what it is, such as {@code volume}; a lower-case RFC 1123 label
 * @param name what people call it; a lower-case RFC 1123 label of 1 to 63 characters
 * @since 0.1
 */
public record Reference(String kind, String name) {
  /** Checks kind and name. */
  public Reference {
    Rules.label("kind", kind);
    Rules.label("name", name);
  }

  /** Returns kind and quoted name, the form used in messages, such as {@code volume "root"}. */
  @Override
  public String toString() {
    return kind + " \"" + name + "\"";
  }
}
