package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;

/**
 * A job that copies a block device as it is now.
 *
 * @param device the device or root node to copy
 * @param target the node to copy to
 * @param sync what to copy
 * @param bitmap the bitmap that marks what to copy
 * @param bitmapMode what becomes of the bitmap
 * @param compress whether clusters are compressed
 * @param onSourceError what happens if reading fails
 * @param onTargetError what happens if writing fails
 * @param settings what each job on a block node can be told
 * @since 0.1
 */
public record BlockBackup(
    String device,
    String target,
    SyncMode sync,
    Optional<String> bitmap,
    Optional<BitmapMode> bitmapMode,
    Optional<Boolean> compress,
    Optional<ErrorPolicy> onSourceError,
    Optional<ErrorPolicy> onTargetError,
    BlockJobSettings settings) {
  /**
   * Starts from what is required.
   *
   * @param device the device or root node to copy
   * @param target the node to copy to
   * @param sync what to copy
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(String device, String target, SyncMode sync) {
    return new Builder(device, target, sync);
  }

  Args arguments() {
    return settings.into(Args.of()
        .put("device", device)
        .put("target", target)
        .put("sync", sync)
        .put("bitmap", bitmap)
        .put("bitmap-mode", bitmapMode)
        .put("compress", compress)
        .put("on-source-error", onSourceError)
        .put("on-target-error", onTargetError));
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder extends BlockJobBuilder<Builder> {
    private final String device;
    private final String target;
    private final SyncMode sync;
    private Optional<String> bitmap = Optional.empty();
    private Optional<BitmapMode> bitmapMode = Optional.empty();
    private Optional<Boolean> compress = Optional.empty();
    private Optional<ErrorPolicy> onSourceError = Optional.empty();
    private Optional<ErrorPolicy> onTargetError = Optional.empty();

    private Builder(String device, String target, SyncMode sync) {
      this.device = device;
      this.target = target;
      this.sync = sync;
    }

    /**
     * Sets the bitmap that marks what to copy.
     *
     * @param value the bitmap that marks what to copy
     * @return this
     */
    public Builder bitmap(String value) {
      this.bitmap = Optional.of(value);
      return this;
    }

    /**
     * Says what becomes of the bitmap.
     *
     * @param value what becomes of the bitmap
     * @return this
     */
    public Builder bitmapMode(BitmapMode value) {
      this.bitmapMode = Optional.of(value);
      return this;
    }

    /**
     * Writes compressed clusters.
     *
     * @return this
     */
    public Builder compressed() {
      compress = Optional.of(true);
      return this;
    }

    /**
     * Says what happens if reading fails.
     *
     * @param value what happens if reading fails
     * @return this
     */
    public Builder onSourceError(ErrorPolicy value) {
      this.onSourceError = Optional.of(value);
      return this;
    }

    /**
     * Says what happens if writing fails.
     *
     * @param value what happens if writing fails
     * @return this
     */
    public Builder onTargetError(ErrorPolicy value) {
      this.onTargetError = Optional.of(value);
      return this;
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Builds the request.
     *
     * @return the request
     * @throws N0Exception INVALID if a value breaks a rule
     */
    public BlockBackup build() {
      return new BlockBackup(
          device,
          target,
          sync,
          bitmap,
          bitmapMode,
          compress,
          onSourceError,
          onTargetError,
          settings());
    }
  }
}
