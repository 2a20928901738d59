package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A bitmap of what was written.
 *
 * @param name its name
 * @param count how many bytes are marked
 * @param granularity how many bytes each bit stands for
 * @param recording whether writes are marked
 * @param busy whether a job uses it
 * @param persistent whether it is kept in the image
 * @param inconsistent whether it was not saved properly and is of no use but to be removed
 * @since 0.1
 */
public record DirtyBitmap(
    Optional<String> name,
    long count,
    long granularity,
    boolean recording,
    boolean busy,
    boolean persistent,
    Optional<Boolean> inconsistent) {
  static DirtyBitmap from(QmpResult result) {
    return new DirtyBitmap(
        Read.optText(result, "/name"),
        result.number("/count"),
        result.number("/granularity"),
        result.flag("/recording"),
        result.flag("/busy"),
        result.flag("/persistent"),
        Read.optFlag(result, "/inconsistent"));
  }
}
