package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A type of object.
 *
 * @param name its name
 * @param isAbstract whether only its subtypes can be created
 * @param parent its supertype
 * @since 0.1
 */
public record QomType(String name, Optional<Boolean> isAbstract, Optional<String> parent) {
  static QomType from(QmpResult result) {
    return new QomType(
        result.text("/name"), Read.optFlag(result, "/abstract"), Read.optText(result, "/parent"));
  }
}
