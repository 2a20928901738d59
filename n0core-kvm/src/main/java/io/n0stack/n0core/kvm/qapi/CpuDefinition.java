package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;

/**
 * A processor model that can be chosen.
 *
 * @param name its name
 * @param migrationSafe whether it means the same on each host
 * @param isStatic whether it means the same in each version
 * @param unavailableFeatures the features that this host cannot give it; empty also if QEMU does
 *     not say
 * @param typename its type of object
 * @param aliasOf what it is another name for
 * @param deprecated whether it will be removed
 * @since 0.1
 */
public record CpuDefinition(
    String name,
    Optional<Boolean> migrationSafe,
    boolean isStatic,
    List<String> unavailableFeatures,
    String typename,
    Optional<String> aliasOf,
    boolean deprecated) {
  /** Copies the lists. */
  public CpuDefinition {
    unavailableFeatures = List.copyOf(unavailableFeatures);
  }

  static CpuDefinition from(QmpResult result) {
    return new CpuDefinition(
        result.text("/name"),
        Read.optFlag(result, "/migration-safe"),
        result.flag("/static"),
        Read.optTexts(result, "/unavailable-features"),
        result.text("/typename"),
        Read.optText(result, "/alias-of"),
        result.flag("/deprecated"));
  }
}
