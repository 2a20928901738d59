package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/** A machine's directory together with what is on record there of its ownership. */
record Moving(Path root, ResourceId id) {
  static final String FILE = "move.json";
  static final String BOARD = "board.json";
  private static final String NEXT = "move.next";

  MachineDirectory directory() {
    return new MachineDirectory(root, id.uid());
  }

  private Path path(String file) {
    return root.resolve(id.uid().toString()).resolve(file);
  }

  /**
   * Reads it.
   *
   * @return the record, {@link Handover#none} if there is none
   * @throws N0Exception UNAVAILABLE if it cannot be read or is damaged, so that nothing may be started
   */
  Handover read() {
    try {
      return Handover.decode(Files.readString(path(FILE)));
    } catch (NoSuchFileException e) {
      return Handover.none();
    } catch (IOException e) {
      throw failure("read", e);
    }
  }

  /** Reads it of a machine that must be there. */
  Handover require() {
    MachineDirectory directory = directory();
    Optional<ResourceId> stamp =
        directory.deleting() ? Optional.empty() : directory.read().map(MachineRecord::id);
    if (stamp.isEmpty()) {
      throw directory.none(id);
    }
    if (!stamp.get().equals(id)) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "find " + id + ": uid " + id.uid() + " is stamped " + stamp.get());
    }
    return read();
  }

  /** Is on the disk on return. */
  void write(Handover handover) {
    replace(FILE, handover.encode());
  }

  /** Has a record at hand, on the disk, that {@link #promote} puts in force. */
  void writeNext(Handover handover) {
    replace(NEXT, handover.encode());
  }

  /**
   * Puts in force what is at hand. That survives the agent, but the host only after {@link #sync}; what
   * is read until then is either the old record or the new one, and whole.
   */
  void promote() {
    try {
      Files.move(path(NEXT), path(FILE), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw failure("replace " + FILE, e);
    }
  }

  /** What is read is on the disk on return. */
  void sync() {
    try {
      DurableFiles.sync(path(""));
    } catch (IOException e) {
      throw failure("sync", e);
    }
  }

  String board() {
    try {
      return Files.readString(path(BOARD));
    } catch (IOException e) {
      throw failure("read the board", e);
    }
  }

  void writeBoard(String text) {
    replace(BOARD, text);
  }

  private void replace(String file, String text) {
    try {
      DurableFiles.replace(path(file), text);
    } catch (IOException e) {
      throw failure("write " + file, e);
    }
  }

  /** Finds the launch in force that is alive. */
  Optional<Run> alive() {
    return directory().runs().stream().filter(run -> run.alive().isPresent()).findFirst();
  }

  private N0Exception failure(String what, IOException cause) {
    return DurableFiles.failure(id.toString(), what + " the migration of " + id, cause);
  }
}
