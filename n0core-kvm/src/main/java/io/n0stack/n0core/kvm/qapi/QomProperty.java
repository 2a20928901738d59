package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A property of an object.
 *
 * @param name its name
 * @param type its type, such as {@code uint32} or {@code child<memory-region>}
 * @param description a sentence on it
 * @param defaultValue what it is if not set
 * @since 0.1
 */
public record QomProperty(
    String name, String type, Optional<String> description, Optional<QmpResult> defaultValue) {
  static QomProperty from(QmpResult result) {
    return new QomProperty(
        result.text("/name"),
        result.text("/type"),
        Read.optText(result, "/description"),
        Read.optPart(result, "/default-value"));
  }
}
