package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The records of a machine's snapshots, and the mark that its guest is frozen. */
public final class SnapshotRecords {
  private static final String SUFFIX = ".json";
  private static final String FROZEN = "frozen";

  private final Path directory;

  SnapshotRecords(Path machine) {
    directory = machine.resolve("snapshots");
  }

  /**
   * Reads all, those included that work was cut short on.
   *
   * @return the records, in the order in which they were begun
   * @throws N0Exception UNAVAILABLE if one of them cannot be read
   */
  public List<SnapshotRecord> all() {
    List<SnapshotRecord> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        read(file).ifPresent(found::add);
      }
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (DirectoryIteratorException | IOException e) {
      throw failure("list snapshots", e);
    }
    found.sort(Comparator.comparing((SnapshotRecord record) -> record.snapshot().taken())
        .thenComparing(SnapshotRecord::name));
    return List.copyOf(found);
  }

  /**
   * Reads one.
   *
   * @param name the snapshot
   * @return its record, empty if there is proved to be none
   * @throws N0Exception UNAVAILABLE if it cannot be read
   */
  public Optional<SnapshotRecord> find(String name) {
    try {
      return read(file(name));
    } catch (IOException e) {
      throw failure("read a snapshot", e);
    }
  }

  private static Optional<SnapshotRecord> read(Path file) throws IOException {
    String name = String.valueOf(file.getFileName());
    try {
      return Optional.of(SnapshotRecord.decode(
          name.substring(0, name.length() - SUFFIX.length()), Files.readString(file)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Records a snapshot durably, or how far work on it has come.
   *
   * @param record the snapshot
   * @throws N0Exception UNAVAILABLE or EXHAUSTED if it cannot be written
   */
  public void write(SnapshotRecord record) {
    try {
      DurableFiles.createDirectories(directory);
      DurableFiles.replace(file(record.name()), record.encode());
    } catch (IOException e) {
      throw failure("record a snapshot", e);
    }
  }

  /**
   * Removes a snapshot's record durably. Idempotent.
   *
   * @param record the snapshot
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void remove(SnapshotRecord record) {
    try {
      Files.deleteIfExists(file(record.name()));
      DurableFiles.sync(directory);
    } catch (IOException e) {
      throw failure("remove a snapshot's record", e);
    }
  }

  /**
   * Says whether the guest may be frozen.
   *
   * @return true from {@link #markFrozen} to {@link #markThawed}
   */
  public boolean frozen() {
    return Files.exists(directory.resolve(FROZEN));
  }

  /**
   * Notes durably that the guest may be frozen, before it is.
   *
   * @throws N0Exception UNAVAILABLE or EXHAUSTED if that cannot be written
   */
  public void markFrozen() {
    try {
      DurableFiles.createDirectories(directory);
      DurableFiles.create(directory.resolve(FROZEN), "");
    } catch (IOException e) {
      throw failure("mark as frozen", e);
    }
  }

  /**
   * Notes durably that the guest is not frozen any more.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void markThawed() {
    try {
      if (Files.deleteIfExists(directory.resolve(FROZEN))) {
        DurableFiles.sync(directory);
      }
    } catch (IOException e) {
      throw failure("mark as thawed", e);
    }
  }

  /**
   * Says whether something was begun that is to be brought to an end.
   *
   * @return true if the guest may be frozen, or work on a snapshot was cut short
   * @throws N0Exception UNAVAILABLE if a record cannot be read
   */
  public boolean unsettled() {
    return frozen() || all().stream().anyMatch(r -> r.stage() != SnapshotRecord.Stage.TAKEN);
  }

  void sweep() throws IOException {
    if (unswept()) {
      DurableFiles.sweep(directory);
    }
  }

  boolean unswept() throws IOException {
    return DurableFiles.unswept(directory);
  }

  private Path file(String name) {
    return directory.resolve(name + SUFFIX);
  }

  private N0Exception failure(String what, Exception cause) {
    return DurableFiles.failure(directory.toString(), what + " in " + directory, cause);
  }
}
