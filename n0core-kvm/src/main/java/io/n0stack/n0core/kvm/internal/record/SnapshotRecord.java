package io.n0stack.n0core.kvm.internal.record;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;

/**
 * What is known of a snapshot, and how far work on it has come.
 *
 * @param snapshot the snapshot
 * @param stage how far work on it has come
 * @param board what its memory belongs to, as in {@link MachineRecord#board}; empty if it has none, or none was
 *     noted yet when it was taken
 */
public record SnapshotRecord(MachineSnapshot snapshot, Stage stage, Optional<String> board) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How far it has come; all but TAKEN are to be brought to an end. */
  public enum Stage {
    /** The disks may have it, or some of them. */
    TAKING,
    /** All disks have it. */
    TAKEN,
    /** A guest that ran is being set back to it, and is to run again. */
    REVERTING_RUNNING,
    /** A guest that stood still, or disks alone, are being set back to it. */
    REVERTING,
    /** Some disks may have it no more. */
    DELETING
  }

  /**
   * Returns the name that the caller gave it.
   *
   * @return the name
   */
  public String name() {
    return snapshot.name();
  }

  /**
   * Returns what the disks call it.
   *
   * @return the name, marked as one of ours
   */
  public String tag() {
    return "n0-" + name();
  }

  /**
   * Notes that work has come to another stage.
   *
   * @param next the stage
   * @return a changed copy
   */
  public SnapshotRecord at(Stage next) {
    return new SnapshotRecord(snapshot, next, board);
  }

  /**
   * Notes how the guest's file systems were caught.
   *
   * @param consistency what was reached
   * @return a changed copy
   */
  public SnapshotRecord with(Consistency consistency) {
    return new SnapshotRecord(
        new MachineSnapshot(name(), snapshot.content(), snapshot.taken(), consistency),
        stage,
        board);
  }

  String encode() {
    ObjectNode tree = JSON.createObjectNode()
        .put("stage", stage.name())
        .put("content", snapshot.content().name())
        .put("taken", snapshot.taken().toString())
        .put("consistency", snapshot.consistency().name());
    board.ifPresent(text -> tree.put("board", text));
    return tree.toPrettyString() + "\n";
  }

  static SnapshotRecord decode(String name, String text) throws IOException {
    try {
      JsonNode tree = JSON.readTree(text);
      MachineSnapshot snapshot = new MachineSnapshot(
          name,
          Content.valueOf(tree.path("content").asText()),
          Instant.parse(tree.path("taken").asText()),
          Consistency.valueOf(tree.path("consistency").asText()));
      return new SnapshotRecord(
          snapshot,
          Stage.valueOf(tree.path("stage").asText()),
          tree.has("board") ? Optional.of(tree.path("board").asText()) : Optional.empty());
    } catch (JsonProcessingException
        | IllegalArgumentException
        | DateTimeException
        | N0Exception e) {
      throw new IOException("snapshot \"" + name + "\": " + e.getMessage(), e);
    }
  }
}
