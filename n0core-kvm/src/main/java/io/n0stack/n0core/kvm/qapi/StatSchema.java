package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a value means.
 *
 * @param name its name
 * @param type how it counts
 * @param unit bytes, seconds, cycles or boolean; empty if it is a plain number
 * @param base the base of the exponent
 * @param exponent the power of the base that the value is multiplied by
 * @param bucketSize the width of a linear histogram's steps
 * @since 0.1
 */
public record StatSchema(
    String name,
    Term<StatsType> type,
    Optional<String> unit,
    OptionalLong base,
    long exponent,
    OptionalLong bucketSize) {
  static StatSchema from(QmpResult result) {
    return new StatSchema(
        result.text("/name"),
        Read.term(StatsType.class, result, "/type"),
        Read.optText(result, "/unit"),
        Read.optNumber(result, "/base"),
        result.number("/exponent"),
        Read.optNumber(result, "/bucket-size"));
  }
}
