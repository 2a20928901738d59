package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Limits on a device's requests. What is not set is not limited.
 *
 * @param id the device's id or object path
 * @param bps the bytes per second
 * @param bpsRead the bytes read per second
 * @param bpsWrite the bytes written per second
 * @param iops the requests per second
 * @param iopsRead the read requests per second
 * @param iopsWrite the write requests per second
 * @param bpsMax the bytes per second in bursts
 * @param bpsReadMax the bytes read per second in bursts
 * @param bpsWriteMax the bytes written per second in bursts
 * @param iopsMax the requests per second in bursts
 * @param iopsReadMax the read requests per second in bursts
 * @param iopsWriteMax the write requests per second in bursts
 * @param burstSeconds the length of a burst of bytes, in seconds
 * @param burstReadSeconds the length of a burst of bytes read, in seconds
 * @param burstWriteSeconds the length of a burst of bytes written, in seconds
 * @param iopsBurstSeconds the length of a burst of requests, in seconds
 * @param iopsBurstReadSeconds the length of a burst of reads, in seconds
 * @param iopsBurstWriteSeconds the length of a burst of writes, in seconds
 * @param iopsBytes the bytes that count as one request
 * @param group the group that shares the limits
 * @since 0.1
 */
public record IoThrottle(
    String id,
    long bps,
    long bpsRead,
    long bpsWrite,
    long iops,
    long iopsRead,
    long iopsWrite,
    OptionalLong bpsMax,
    OptionalLong bpsReadMax,
    OptionalLong bpsWriteMax,
    OptionalLong iopsMax,
    OptionalLong iopsReadMax,
    OptionalLong iopsWriteMax,
    OptionalLong burstSeconds,
    OptionalLong burstReadSeconds,
    OptionalLong burstWriteSeconds,
    OptionalLong iopsBurstSeconds,
    OptionalLong iopsBurstReadSeconds,
    OptionalLong iopsBurstWriteSeconds,
    OptionalLong iopsBytes,
    Optional<String> group) {
  /**
   * Starts from what is required.
   *
   * @param id the device's id or object path
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(String id) {
    return new Builder(id);
  }

  Args arguments() {
    return Args.of()
        .put("id", id)
        .put("bps", bps)
        .put("bps_rd", bpsRead)
        .put("bps_wr", bpsWrite)
        .put("iops", iops)
        .put("iops_rd", iopsRead)
        .put("iops_wr", iopsWrite)
        .put("bps_max", bpsMax)
        .put("bps_rd_max", bpsReadMax)
        .put("bps_wr_max", bpsWriteMax)
        .put("iops_max", iopsMax)
        .put("iops_rd_max", iopsReadMax)
        .put("iops_wr_max", iopsWriteMax)
        .put("bps_max_length", burstSeconds)
        .put("bps_rd_max_length", burstReadSeconds)
        .put("bps_wr_max_length", burstWriteSeconds)
        .put("iops_max_length", iopsBurstSeconds)
        .put("iops_rd_max_length", iopsBurstReadSeconds)
        .put("iops_wr_max_length", iopsBurstWriteSeconds)
        .put("iops_size", iopsBytes)
        .put("group", group);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private final String id;
    private long bps;
    private long bpsRead;
    private long bpsWrite;
    private long iops;
    private long iopsRead;
    private long iopsWrite;
    private OptionalLong bpsMax = OptionalLong.empty();
    private OptionalLong bpsReadMax = OptionalLong.empty();
    private OptionalLong bpsWriteMax = OptionalLong.empty();
    private OptionalLong iopsMax = OptionalLong.empty();
    private OptionalLong iopsReadMax = OptionalLong.empty();
    private OptionalLong iopsWriteMax = OptionalLong.empty();
    private OptionalLong burstSeconds = OptionalLong.empty();
    private OptionalLong burstReadSeconds = OptionalLong.empty();
    private OptionalLong burstWriteSeconds = OptionalLong.empty();
    private OptionalLong iopsBurstSeconds = OptionalLong.empty();
    private OptionalLong iopsBurstReadSeconds = OptionalLong.empty();
    private OptionalLong iopsBurstWriteSeconds = OptionalLong.empty();
    private OptionalLong iopsBytes = OptionalLong.empty();
    private Optional<String> group = Optional.empty();

    private Builder(String id) {
      this.id = id;
    }

    /**
     * Sets the bytes per second.
     *
     * @param value the bytes per second
     * @return this
     */
    public Builder bps(long value) {
      this.bps = value;
      return this;
    }

    /**
     * Sets the bytes read per second.
     *
     * @param value the bytes read per second
     * @return this
     */
    public Builder bpsRead(long value) {
      this.bpsRead = value;
      return this;
    }

    /**
     * Sets the bytes written per second.
     *
     * @param value the bytes written per second
     * @return this
     */
    public Builder bpsWrite(long value) {
      this.bpsWrite = value;
      return this;
    }

    /**
     * Sets the requests per second.
     *
     * @param value the requests per second
     * @return this
     */
    public Builder iops(long value) {
      this.iops = value;
      return this;
    }

    /**
     * Sets the read requests per second.
     *
     * @param value the read requests per second
     * @return this
     */
    public Builder iopsRead(long value) {
      this.iopsRead = value;
      return this;
    }

    /**
     * Sets the write requests per second.
     *
     * @param value the write requests per second
     * @return this
     */
    public Builder iopsWrite(long value) {
      this.iopsWrite = value;
      return this;
    }

    /**
     * Sets the bytes per second in bursts.
     *
     * @param value the bytes per second in bursts
     * @return this
     */
    public Builder bpsMax(long value) {
      this.bpsMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the bytes read per second in bursts.
     *
     * @param value the bytes read per second in bursts
     * @return this
     */
    public Builder bpsReadMax(long value) {
      this.bpsReadMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the bytes written per second in bursts.
     *
     * @param value the bytes written per second in bursts
     * @return this
     */
    public Builder bpsWriteMax(long value) {
      this.bpsWriteMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the requests per second in bursts.
     *
     * @param value the requests per second in bursts
     * @return this
     */
    public Builder iopsMax(long value) {
      this.iopsMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the read requests per second in bursts.
     *
     * @param value the read requests per second in bursts
     * @return this
     */
    public Builder iopsReadMax(long value) {
      this.iopsReadMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the write requests per second in bursts.
     *
     * @param value the write requests per second in bursts
     * @return this
     */
    public Builder iopsWriteMax(long value) {
      this.iopsWriteMax = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of bytes, in seconds.
     *
     * @param value the length of a burst of bytes, in seconds
     * @return this
     */
    public Builder burstSeconds(long value) {
      this.burstSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of bytes read, in seconds.
     *
     * @param value the length of a burst of bytes read, in seconds
     * @return this
     */
    public Builder burstReadSeconds(long value) {
      this.burstReadSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of bytes written, in seconds.
     *
     * @param value the length of a burst of bytes written, in seconds
     * @return this
     */
    public Builder burstWriteSeconds(long value) {
      this.burstWriteSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of requests, in seconds.
     *
     * @param value the length of a burst of requests, in seconds
     * @return this
     */
    public Builder iopsBurstSeconds(long value) {
      this.iopsBurstSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of reads, in seconds.
     *
     * @param value the length of a burst of reads, in seconds
     * @return this
     */
    public Builder iopsBurstReadSeconds(long value) {
      this.iopsBurstReadSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the length of a burst of writes, in seconds.
     *
     * @param value the length of a burst of writes, in seconds
     * @return this
     */
    public Builder iopsBurstWriteSeconds(long value) {
      this.iopsBurstWriteSeconds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the bytes that count as one request.
     *
     * @param value the bytes that count as one request
     * @return this
     */
    public Builder iopsBytes(long value) {
      this.iopsBytes = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the group that shares the limits.
     *
     * @param value the group that shares the limits
     * @return this
     */
    public Builder group(String value) {
      this.group = Optional.of(value);
      return this;
    }

    /**
     * Builds the request.
     *
     * @return the request
     * @throws N0Exception INVALID if a value breaks a rule
     */
    public IoThrottle build() {
      return new IoThrottle(
          id,
          bps,
          bpsRead,
          bpsWrite,
          iops,
          iopsRead,
          iopsWrite,
          bpsMax,
          bpsReadMax,
          bpsWriteMax,
          iopsMax,
          iopsReadMax,
          iopsWriteMax,
          burstSeconds,
          burstReadSeconds,
          burstWriteSeconds,
          iopsBurstSeconds,
          iopsBurstReadSeconds,
          iopsBurstWriteSeconds,
          iopsBytes,
          group);
    }
  }
}
