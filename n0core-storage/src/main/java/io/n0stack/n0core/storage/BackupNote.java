package io.n0stack.n0core.storage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What is known of a backup from before its first side effect until it is settled.
 *
 * @param target where it is going to be
 * @param checkpoint what it makes
 * @param naming which file is about to get the name: until then the checkpoint is of no backup
 */
record BackupNote(Path target, Optional<String> checkpoint, Optional<Identity> naming) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int VERSION = 1;

  /** A file, whatever its name. */
  record Identity(long device, long inode) {}

  static BackupNote of(BackupRequest request) {
    return new BackupNote(request.target(), request.checkpoint(), Optional.empty());
  }

  BackupNote naming(FileStatus file) {
    return new BackupNote(
        target, checkpoint, Optional.of(new Identity(file.device(), file.inode())));
  }

  /** Tells whether the backup has its name, and with it all that it needs. */
  boolean isDone() {
    if (naming.isEmpty()) {
      return false;
    }
    try {
      Optional<FileStatus> there = NativeFile.look(target);
      return there.map(file -> new Identity(file.device(), file.inode())).equals(naming);
    } catch (OsException e) {
      // A backup that cannot be seen is none on which an increment is to be taken.
      return false;
    }
  }

  byte[] encode() throws IOException {
    ObjectNode node =
        JSON.createObjectNode().put("version", VERSION).put("target", target.toString());
    checkpoint.ifPresent(name -> node.put("checkpoint", name));
    naming.ifPresent(file -> node.put("device", file.device()).put("inode", file.inode()));
    return JSON.writeValueAsBytes(node);
  }

  /** Decodes a note; throws an IOException that says what is wrong with it. */
  static BackupNote decode(byte[] bytes) throws IOException {
    JsonNode node = JSON.readTree(bytes);
    if (node.path("version").asInt() != VERSION || !node.path("target").isTextual()) {
      throw new IOException("no note of version " + VERSION);
    }
    JsonNode checkpoint = node.path("checkpoint");
    JsonNode inode = node.path("inode");
    try {
      return new BackupNote(
          Path.of(node.path("target").textValue()),
          checkpoint.isTextual()
              ? Optional.of(Rules.label("checkpoint", checkpoint.textValue()))
              : Optional.empty(),
          inode.isIntegralNumber()
              ? Optional.of(new Identity(node.path("device").asLong(), inode.asLong()))
              : Optional.empty());
    } catch (N0Exception | IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
