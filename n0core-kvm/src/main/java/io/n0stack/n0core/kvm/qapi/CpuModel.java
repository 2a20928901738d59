package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A processor model with its features.
 *
 * @param name its name
 * @param properties an object of its features
 * @since 0.1
 */
public record CpuModel(String name, Optional<QmpResult> properties) {
  static CpuModel from(QmpResult result) {
    return new CpuModel(result.text("/name"), Read.optPart(result, "/props"));
  }
}
