package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A job that copies the content of backing files up into the overlay.
 *
 * @param device the device or node to fill
 * @param jobId the job's id
 * @param baseNode the node that stays the backing file; none if absent
 * @param bottom the lowest node to copy from, instead of a base node
 * @param backingFile what the overlay names as its backing file afterwards
 * @param speed the most bytes per second, 0 for no limit
 * @param onError what happens after an error
 * @param filterNodeName the name of the node that the job inserts
 * @param autoFinalize whether the end comes without {@code job-finalize}
 * @param autoDismiss whether the ended job vanishes by itself
 * @since 0.1
 */
public record BlockStream(
    String device,
    Optional<String> jobId,
    Optional<String> baseNode,
    Optional<String> bottom,
    Optional<String> backingFile,
    OptionalLong speed,
    Optional<ErrorPolicy> onError,
    Optional<String> filterNodeName,
    Optional<Boolean> autoFinalize,
    Optional<Boolean> autoDismiss) {
  /**
   * Starts from what is required.
   *
   * @param device the device or node to fill
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(String device) {
    return new Builder(device);
  }

  Args arguments() {
    return Args.of()
        .put("device", device)
        .put("job-id", jobId)
        .put("base-node", baseNode)
        .put("bottom", bottom)
        .put("backing-file", backingFile)
        .put("speed", speed)
        .put("on-error", onError)
        .put("filter-node-name", filterNodeName)
        .put("auto-finalize", autoFinalize)
        .put("auto-dismiss", autoDismiss);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private final String device;
    private Optional<String> jobId = Optional.empty();
    private Optional<String> baseNode = Optional.empty();
    private Optional<String> bottom = Optional.empty();
    private Optional<String> backingFile = Optional.empty();
    private OptionalLong speed = OptionalLong.empty();
    private Optional<ErrorPolicy> onError = Optional.empty();
    private Optional<String> filterNodeName = Optional.empty();
    private Optional<Boolean> autoFinalize = Optional.empty();
    private Optional<Boolean> autoDismiss = Optional.empty();

    private Builder(String device) {
      this.device = device;
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
     * Sets the node that stays the backing file; none if absent.
     *
     * @param value the node that stays the backing file; none if absent
     * @return this
     */
    public Builder baseNode(String value) {
      this.baseNode = Optional.of(value);
      return this;
    }

    /**
     * Sets the lowest node to copy from, instead of a base node.
     *
     * @param value the lowest node to copy from, instead of a base node
     * @return this
     */
    public Builder bottom(String value) {
      this.bottom = Optional.of(value);
      return this;
    }

    /**
     * Says what the overlay names as its backing file afterwards.
     *
     * @param value what the overlay names as its backing file afterwards
     * @return this
     */
    public Builder backingFile(String value) {
      this.backingFile = Optional.of(value);
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
     * Says what happens after an error.
     *
     * @param value what happens after an error
     * @return this
     */
    public Builder onError(ErrorPolicy value) {
      this.onError = Optional.of(value);
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
    public BlockStream build() {
      return new BlockStream(
          device,
          jobId,
          baseNode,
          bottom,
          backingFile,
          speed,
          onError,
          filterNodeName,
          autoFinalize,
          autoDismiss);
    }
  }
}
