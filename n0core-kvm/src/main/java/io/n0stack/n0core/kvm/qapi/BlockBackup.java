package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A job that copies a block device as it is now.
 *
 * @param device the device or root node to copy
 * @param target the node to copy to
 * @param sync what to copy
 * @param jobId the job's id
 * @param speed the most bytes per second, 0 for no limit
 * @param bitmap the bitmap that marks what to copy
 * @param bitmapMode what becomes of the bitmap
 * @param compress whether clusters are compressed
 * @param onSourceError what happens if reading fails
 * @param onTargetError what happens if writing fails
 * @param filterNodeName the name of the node that the job inserts
 * @param autoFinalize whether the end comes without {@code job-finalize}
 * @param autoDismiss whether the ended job vanishes by itself
 * @since 0.1
 */
public record BlockBackup(
    String device,
    String target,
    SyncMode sync,
    Optional<String> jobId,
    OptionalLong speed,
    Optional<String> bitmap,
    Optional<BitmapMode> bitmapMode,
    Optional<Boolean> compress,
    Optional<ErrorPolicy> onSourceError,
    Optional<ErrorPolicy> onTargetError,
    Optional<String> filterNodeName,
    Optional<Boolean> autoFinalize,
    Optional<Boolean> autoDismiss) {
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
    return Args.of()
        .put("device", device)
        .put("target", target)
        .put("sync", sync)
        .put("job-id", jobId)
        .put("speed", speed)
        .put("bitmap", bitmap)
        .put("bitmap-mode", bitmapMode)
        .put("compress", compress)
        .put("on-source-error", onSourceError)
        .put("on-target-error", onTargetError)
        .put("filter-node-name", filterNodeName)
        .put("auto-finalize", autoFinalize)
        .put("auto-dismiss", autoDismiss);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private final String device;
    private final String target;
    private final SyncMode sync;
    private Optional<String> jobId = Optional.empty();
    private OptionalLong speed = OptionalLong.empty();
    private Optional<String> bitmap = Optional.empty();
    private Optional<BitmapMode> bitmapMode = Optional.empty();
    private Optional<Boolean> compress = Optional.empty();
    private Optional<ErrorPolicy> onSourceError = Optional.empty();
    private Optional<ErrorPolicy> onTargetError = Optional.empty();
    private Optional<String> filterNodeName = Optional.empty();
    private Optional<Boolean> autoFinalize = Optional.empty();
    private Optional<Boolean> autoDismiss = Optional.empty();

    private Builder(String device, String target, SyncMode sync) {
      this.device = device;
      this.target = target;
      this.sync = sync;
    }

    /**
     * Sets the job's id.
     *
     * @param value the job's id
     * @return this
     */
    public Builder jobId(String value) {
      this.jobId = Optional.of(value);
      return this;
    }

    /**
     * Sets the most bytes per second, 0 for no limit.
     *
     * @param value the most bytes per second, 0 for no limit
     * @return this
     */
    public Builder speed(long value) {
      this.speed = OptionalLong.of(value);
      return this;
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

    /**
     * Sets the name of the node that the job inserts.
     *
     * @param value the name of the node that the job inserts
     * @return this
     */
    public Builder filterNodeName(String value) {
      this.filterNodeName = Optional.of(value);
      return this;
    }

    /**
     * Lets the job wait for job-finalize.
     *
     * @return this
     */
    public Builder waitForFinalize() {
      autoFinalize = Optional.of(false);
      return this;
    }

    /**
     * Keeps the ended job until job-dismiss.
     *
     * @return this
     */
    public Builder waitForDismiss() {
      autoDismiss = Optional.of(false);
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
          jobId,
          speed,
          bitmap,
          bitmapMode,
          compress,
          onSourceError,
          onTargetError,
          filterNodeName,
          autoFinalize,
          autoDismiss);
    }
  }
}
