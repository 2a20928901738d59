package io.n0stack.n0core.kvm.internal.record;

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
  public enum Was {
    /** It ran. */
    RUNNING,
    /** It stood still. */
    PAUSED
  }

  private final Path directory;

  SavedMemory(Path directory) {
    this.directory = directory;
  }

  /**
   * Returns the file that the memory is in.
   *
   * @return its path; there need be no file
   */
  public Path file() {
    return directory.resolve(MEMORY);
  }

  /**
   * Says whether saving was begun and not completed: the guest is in QEMU, the file worth nothing.
   *
   * @return true from {@link #begin} to {@link #commit} or {@link #abandon}
   */
  public boolean saving() {
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

  /**
   * Says whether the guest is in QEMU again, the file worth nothing.
   *
   * @return true from {@link #useUp} to {@link #finish}
   */
  public boolean restored() {
    return Files.exists(directory.resolve(RESTORED));
  }

  /**
   * Reads from the mark what the guest was doing when it was saved.
   *
   * @return what it will do again
   * @throws N0Exception PRECONDITION if there is no mark; UNAVAILABLE if it cannot be read
   */
  public Was was() {
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

  /**
   * Marks the memory as being saved, before QEMU writes it.
   *
   * @param was what the guest was doing
   * @throws N0Exception UNAVAILABLE or EXHAUSTED if that cannot be written
   */
  public void begin(Was was) {
    try {
      DurableFiles.replace(directory.resolve(SAVING), was.name());
    } catch (IOException e) {
      throw failure("mark as being saved", e);
    }
  }

  /**
   * Makes the file durable and marks it as complete: from now on the guest is in it.
   *
   * @throws N0Exception UNAVAILABLE or EXHAUSTED if that fails; the guest is in QEMU then
   */
  public void commit() {
    try (FileChannel memory = FileChannel.open(file(), StandardOpenOption.READ)) {
      memory.force(true); // of all that QEMU has written to it, too
      DurableFiles.sync(directory);
      DurableFiles.rename(directory.resolve(SAVING), directory.resolve(SAVED));
    } catch (IOException e) {
      throw failure("mark as saved", e);
    }
  }

  /**
   * Removes a file that was not completed, and its mark last.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void abandon() {
    remove("abandon the saving", MEMORY, SAVING);
  }

  /**
   * Marks the memory as restored: from now on the guest is in QEMU, which may run it.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be written; the guest is in the file then
   */
  public void useUp() {
    try {
      DurableFiles.rename(directory.resolve(SAVED), directory.resolve(RESTORED));
    } catch (IOException e) {
      throw failure("mark as restored", e);
    }
  }

  /**
   * Removes a file that was restored, and its mark last.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void finish() {
    remove("remove the memory that is restored", MEMORY, RESTORED);
  }

  /**
   * Says whether there is a mark of any kind.
   *
   * @return false if the machine has nothing to do with saving
   */
  public boolean any() {
    return saving() || saved() || restored();
  }

  /**
   * Removes all marks, after which the file means nothing, and the file.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void forget() {
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
