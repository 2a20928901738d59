package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Something that happened to a block device or node.
 *
 * @since 0.1
 */
public sealed interface BlockEvent extends Event {
  /**
   * A device's request failed.
   *
   * @param device the device's name in the back end, possibly empty
   * @param nodeName the node
   * @param operation {@code read} or {@code write}
   * @param action what is done: {@code ignore}, {@code report} to the guest, or {@code stop}
   *     the guest
   * @param noSpace whether for want of space
   * @param reason the error, for people
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record IoError(
      String device,
      Optional<String> nodeName,
      String operation,
      String action,
      Optional<Boolean> noSpace,
      String reason,
      Instant at)
      implements BlockEvent {
    static IoError from(QmpResult data, Instant at) {
      return new IoError(
          data.text("/device"),
          Read.optText(data, "/node-name"),
          data.text("/operation"),
          data.text("/action"),
          Read.optFlag(data, "/nospace"),
          data.text("/reason"),
          at);
    }
  }

  /**
   * An image's metadata is broken.
   *
   * @param device the device's name in the back end, possibly empty
   * @param nodeName the node
   * @param message what is wrong, for people
   * @param offset where the failed access was
   * @param sizeBytes how long it was
   * @param fatal whether the image is no longer usable
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record ImageCorrupted(
      String device,
      Optional<String> nodeName,
      String message,
      OptionalLong offset,
      OptionalLong sizeBytes,
      boolean fatal,
      Instant at)
      implements BlockEvent {
    static ImageCorrupted from(QmpResult data, Instant at) {
      return new ImageCorrupted(
          data.text("/device"),
          Read.optText(data, "/node-name"),
          data.text("/msg"),
          Read.optNumber(data, "/offset"),
          Read.optNumber(data, "/size"),
          data.flag("/fatal"),
          at);
    }
  }

  /**
   * A write crossed the threshold; it reports no further one.
   *
   * @param nodeName the node
   * @param exceededBytes by how much
   * @param threshold the threshold
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record WriteThreshold(String nodeName, long exceededBytes, long threshold, Instant at)
      implements BlockEvent {
    static WriteThreshold from(QmpResult data, Instant at) {
      return new WriteThreshold(
          data.text("/node-name"),
          data.number("/amount-exceeded"),
          data.number("/write-threshold"),
          at);
    }
  }

  /**
   * A quorum's members do not agree.
   *
   * @param reference the device or node
   * @param sector the first sector
   * @param sectors how many sectors
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record QuorumFailure(String reference, long sector, long sectors, Instant at)
      implements BlockEvent {
    static QuorumFailure from(QmpResult data, Instant at) {
      return new QuorumFailure(
          data.text("/reference"), data.number("/sector-num"), data.number("/sectors-count"), at);
    }
  }

  /**
   * A member of a quorum failed or disagrees.
   *
   * @param type {@code read}, {@code write} or {@code flush}
   * @param error its error
   * @param nodeName the member's node
   * @param sector the first sector
   * @param sectors how many sectors
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record QuorumReportBad(
      String type, Optional<String> error, String nodeName, long sector, long sectors, Instant at)
      implements BlockEvent {
    static QuorumReportBad from(QmpResult data, Instant at) {
      return new QuorumReportBad(
          data.text("/type"),
          Read.optText(data, "/error"),
          data.text("/node-name"),
          data.number("/sector-num"),
          data.number("/sectors-count"),
          at);
    }
  }

  /**
   * An offered node is no longer offered.
   *
   * @param id the offer's id
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record ExportDeleted(String id, Instant at) implements BlockEvent {
    static ExportDeleted from(QmpResult data, Instant at) {
      return new ExportDeleted(data.text("/id"), at);
    }
  }

  /**
   * A helper for persistent reservations came or went.
   *
   * @param id its id
   * @param connected whether it is connected
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record PrManagerStatusChanged(String id, boolean connected, Instant at)
      implements BlockEvent {
    static PrManagerStatusChanged from(QmpResult data, Instant at) {
      return new PrManagerStatusChanged(data.text("/id"), data.flag("/connected"), at);
    }
  }
}
