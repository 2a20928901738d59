package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * The saved memory of a machine, and one mark that says how far saving or restoring it has come. The mark is
 * renamed from one stage to the next, so that it is at exactly one at any time.
 */
public final class SavedMemory {
  private static final String MEMORY = "memory";
  private static final String SAVING = "saving";
  private static final String SAVED = "saved";
  private static final String RESTORED = "restored";

  /** What the guest was doing, and will do when it is restored. */
  enum Was {
    RUNNING,
    PAUSED
  }

  private final Path directory;

  SavedMemory(Path directory) {
    this.directory = directory;
  }

  /** Returns the file that the memory is in. */
  Path file() {
    return directory.resolve(MEMORY);
  }

  /** Says whether saving was begun and not completed: the guest is in QEMU, the file worth nothing. */
  boolean saving() {
    return Files.exists(directory.resolve(SAVING));
  }

  /**
   * Says whether the guest is in the file.
   *
   * @return true until it is given back to QEMU; a QEMU that is there has not run it since
   */
  public boolean saved() {
    return Files.exists(directory.resolve(SAVED));
  }

  /** Says whether the guest is in QEMU again, the file worth nothing. */
  boolean restored() {
    return Files.exists(directory.resolve(RESTORED));
  }

  /**
   * Says whether something was begun that is to be brought to an end.
   *
   * @param seen the machine
   * @return true if it is neither just running nor just saved
   */
  public boolean unsettled(Sight seen) {
    return saving() || restored() || (saved() && seen.alive());
  }

  Was was() {
    for (String mark : List.of(SAVING, SAVED, RESTORED)) {
      try {
        Path file = directory.resolve(mark);
        if (Files.exists(file)) {
          return Was.valueOf(Files.readString(file));
        }
      } catch (IOException | IllegalArgumentException e) {
        throw failure("read the mark \"" + mark + "\"", e);
      }
    }
    throw new N0Exception(
        N0Exception.Code.PRECONDITION, directory.toString(), "read the mark: nothing is saved");
  }

  void begin(Was was) {
    try {
      DurableFiles.replace(directory.resolve(SAVING), was.name());
    } catch (IOException e) {
      throw failure("mark as being saved", e);
    }
  }

  void commit() {
    try (FileChannel memory = FileChannel.open(file(), StandardOpenOption.READ)) {
      memory.force(true); // of all that QEMU has written to it, too
      DurableFiles.sync(directory);
      DurableFiles.rename(directory.resolve(SAVING), directory.resolve(SAVED));
    } catch (IOException e) {
      throw failure("mark as saved", e);
    }
  }

  void abandon() {
    remove("abandon the saving", MEMORY, SAVING);
  }

  void useUp() {
    try {
      DurableFiles.rename(directory.resolve(SAVED), directory.resolve(RESTORED));
    } catch (IOException e) {
      throw failure("mark as restored", e);
    }
  }

  void finish() {
    remove("remove the memory that is restored", MEMORY, RESTORED);
  }

  /** Says whether there is a mark of any kind. */
  boolean any() {
    return saving() || saved() || restored();
  }

  /** Removes all marks, after which the file means nothing, and the file. */
  void forget() {
    remove("forget the memory", SAVED, SAVING);
    remove("forget the memory", RESTORED, MEMORY);
  }

  private void remove(String what, String first, String second) {
    try {
      Files.deleteIfExists(directory.resolve(first));
      DurableFiles.sync(directory);
      Files.deleteIfExists(directory.resolve(second));
      DurableFiles.sync(directory);
    } catch (IOException e) {
      throw failure(what, e);
    }
  }

  private N0Exception failure(String what, Exception cause) {
    return DurableFiles.failure(directory.toString(), what + " in " + directory, cause);
  }
}
