package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;

/**
 * A job that moves an overlay's content down into what it is based on.
 *
 * @param device the device or root node
 * @param baseNode the node to write to; the lowest if absent
 * @param topNode the node to empty; the topmost if absent
 * @param backingFile what the overlay above names as its backing file afterwards
 * @param onError what happens after an error
 * @param settings what each job on a block node can be told
 * @since 0.1
 */
public record BlockCommit(
    String device,
    Optional<String> baseNode,
    Optional<String> topNode,
    Optional<String> backingFile,
    Optional<ErrorPolicy> onError,
    BlockJobSettings settings) {
  /**
   * Starts from what is required.
   *
   * @param device the device or root node
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(String device) {
    return new Builder(device);
  }

  Args arguments() {
    return settings.into(Args.of()
        .put("device", device)
        .put("base-node", baseNode)
        .put("top-node", topNode)
        .put("backing-file", backingFile)
        .put("on-error", onError));
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder extends BlockJobBuilder<Builder> {
    private final String device;
    private Optional<String> baseNode = Optional.empty();
    private Optional<String> topNode = Optional.empty();
    private Optional<String> backingFile = Optional.empty();
    private Optional<ErrorPolicy> onError = Optional.empty();

    private Builder(String device) {
      this.device = device;
    }

    /**
     * Sets the node to write to; the lowest if absent.
     *
     * @param value the node to write to; the lowest if absent
     * @return this
     */
    public Builder baseNode(String value) {
      this.baseNode = Optional.of(value);
      return this;
    }

    /**
     * Sets the node to empty; the topmost if absent.
     *
     * @param value the node to empty; the topmost if absent
     * @return this
     */
    public Builder topNode(String value) {
      this.topNode = Optional.of(value);
      return this;
    }

    /**
     * Says what the overlay above names as its backing file afterwards.
     *
     * @param value what the overlay above names as its backing file afterwards
     * @return this
     */
    public Builder backingFile(String value) {
      this.backingFile = Optional.of(value);
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
    public BlockCommit build() {
      return new BlockCommit(device, baseNode, topNode, backingFile, onError, settings());
    }
  }
}
