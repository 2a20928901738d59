package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A job that copies a block device to another and keeps them equal.
 *
 * @param device the device or root node to copy
 * @param target the node to copy to
 * @param sync what to copy
 * @param replaces the node that the target takes the place of at the end
 * @param granularity the bytes that are copied at once, a power of two
 * @param bufferBytes the most memory for copies under way
 * @param onSourceError what happens if reading fails
 * @param onTargetError what happens if writing fails
 * @param copyMode when the guest's writes are copied
 * @param settings what each job on a block node can be told
 * @since 0.1
 */
public record BlockMirror(
    String device,
    String target,
    SyncMode sync,
    Optional<String> replaces,
    OptionalLong granularity,
    OptionalLong bufferBytes,
    Optional<ErrorPolicy> onSourceError,
    Optional<ErrorPolicy> onTargetError,
    Optional<CopyMode> copyMode,
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
        .put("replaces", replaces)
        .put("granularity", granularity)
        .put("buf-size", bufferBytes)
        .put("on-source-error", onSourceError)
        .put("on-target-error", onTargetError)
        .put("copy-mode", copyMode));
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder extends BlockJobBuilder<Builder> {
    private final String device;
    private final String target;
    private final SyncMode sync;
    private Optional<String> replaces = Optional.empty();
    private OptionalLong granularity = OptionalLong.empty();
    private OptionalLong bufferBytes = OptionalLong.empty();
    private Optional<ErrorPolicy> onSourceError = Optional.empty();
    private Optional<ErrorPolicy> onTargetError = Optional.empty();
    private Optional<CopyMode> copyMode = Optional.empty();

    private Builder(String device, String target, SyncMode sync) {
      this.device = device;
      this.target = target;
      this.sync = sync;
    }

    /**
     * Sets the node that the target takes the place of at the end.
     *
     * @param value the node that the target takes the place of at the end
     * @return this
     */
    public Builder replaces(String value) {
      this.replaces = Optional.of(value);
      return this;
    }

    /**
     * Sets the bytes that are copied at once, a power of two.
     *
     * @param value the bytes that are copied at once, a power of two
     * @return this
     */
    public Builder granularity(long value) {
      this.granularity = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the most memory for copies under way.
     *
     * @param value the most memory for copies under way
     * @return this
     */
    public Builder bufferBytes(long value) {
      this.bufferBytes = OptionalLong.of(value);
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
     * Sets when the guest's writes are copied.
     *
     * @param value when the guest's writes are copied
     * @return this
     */
    public Builder copyMode(CopyMode value) {
      this.copyMode = Optional.of(value);
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
    public BlockMirror build() {
      return new BlockMirror(
          device,
          target,
          sync,
          replaces,
          granularity,
          bufferBytes,
          onSourceError,
          onTargetError,
          copyMode,
          settings());
    }
  }
}
