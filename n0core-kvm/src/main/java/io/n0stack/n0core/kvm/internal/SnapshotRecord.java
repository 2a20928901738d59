package io.n0stack.n0core.kvm.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;

/** What is known of a snapshot, and how far work on it has come. */
record SnapshotRecord(MachineSnapshot snapshot, Stage stage) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How far it has come; all but TAKEN are to be brought to an end. */
  enum Stage {
    TAKING,
    TAKEN,
    REVERTING_RUNNING,
    REVERTING,
    DELETING
  }

  String name() {
    return snapshot.name();
  }

  /** Returns what the disks call it. */
  String tag() {
    return "n0-" + name();
  }

  SnapshotRecord at(Stage next) {
    return new SnapshotRecord(snapshot, next);
  }

  SnapshotRecord with(Consistency consistency) {
    return new SnapshotRecord(
        new MachineSnapshot(name(), snapshot.content(), snapshot.taken(), consistency), stage);
  }

  String encode() {
    return JSON.createObjectNode()
            .put("stage", stage.name())
            .put("content", snapshot.content().name())
            .put("taken", snapshot.taken().toString())
            .put("consistency", snapshot.consistency().name())
            .toPrettyString()
        + "\n";
  }

  static SnapshotRecord decode(String name, String text) throws IOException {
    try {
      JsonNode tree = JSON.readTree(text);
      MachineSnapshot snapshot = new MachineSnapshot(
          name,
          Content.valueOf(tree.path("content").asText()),
          Instant.parse(tree.path("taken").asText()),
          Consistency.valueOf(tree.path("consistency").asText()));
      return new SnapshotRecord(snapshot, Stage.valueOf(tree.path("stage").asText()));
    } catch (JsonProcessingException
        | IllegalArgumentException
        | DateTimeException
        | N0Exception e) {
      throw new IOException("snapshot \"" + name + "\": " + e.getMessage(), e);
    }
  }
}
