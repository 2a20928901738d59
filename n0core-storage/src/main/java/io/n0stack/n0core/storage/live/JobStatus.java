package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;

/**
 * A job as QEMU tells of it.
 *
 * @param id its id, which bears n0core's stamp and the volume's uid
 * @param kind what it does
 * @param state how far it is
 * @param doneBytes what is copied
 * @param totalBytes what is to be copied, as far as known now; grows when the guest writes
 * @param error why it failed or was cancelled; empty if it has not ended or ended well
 * @since 0.1
 */
public record JobStatus(
    String id,
    JobKind kind,
    JobState state,
    long doneBytes,
    long totalBytes,
    Optional<String> error) {
  /** Checks that progress is not negative. */
  public JobStatus {
    if (doneBytes < 0 || totalBytes < 0) {
      throw N0Exception.invalid(
          "progress", doneBytes + " of " + totalBytes, "must not be negative");
    }
  }

  /**
   * Returns how much is done.
   *
   * @return 0 to 1
   */
  public double fraction() {
    return totalBytes == 0 ? 0 : Math.min(1, (double) doneBytes / totalBytes);
  }
}
