package io.n0stack.n0core.storage.file;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * How running programs use an image, as far as QEMU's locks tell. A program that was told not to lock,
 * or that is no QEMU, is not in here.
 *
 * @param held what they do
 * @param denied what they let no other do
 * @param holders who they are; those that this process may not look at are missing
 * @since 0.1
 */
public record ImageUse(Set<Permission> held, Set<Permission> denied, List<Holder> holders) {

  /** Copies what it is given. */
  public ImageUse {
    held = Set.copyOf(held);
    denied = Set.copyOf(denied);
    holders = List.copyOf(holders);
  }

  /** What a program can do with an image; QEMU's {@code BLK_PERM_…}. */
  public enum Permission {
    /** Reads data that no other must change meanwhile. */
    CONSISTENT_READ(0),
    /** Changes data. */
    WRITE(1),
    /** Writes data that reads as before. */
    WRITE_UNCHANGED(2),
    /** Changes the size. */
    RESIZE(3),
    /** Whatever another version of QEMU has a lock for. */
    OTHER(4);

    private final int bit;

    Permission(int bit) {
      this.bit = bit;
    }

    int bit() {
      return bit;
    }
  }

  /**
   * A process that has locks on an image.
   *
   * @param pid its id, as this process sees it
   * @param command its name
   */
  public record Holder(long pid, String command) {
    @Override
    public String toString() {
      return command + " (" + pid + ")";
    }
  }

  /**
   * Tells whether anything uses the image.
   *
   * @return whether there is any lock
   */
  public boolean isUsed() {
    return !held.isEmpty() || !denied.isEmpty();
  }

  /**
   * Tells whether anything can change the image.
   *
   * @return whether a program holds the right to write or to resize
   */
  public boolean isWritten() {
    return held.contains(Permission.WRITE)
        || held.contains(Permission.RESIZE)
        || held.contains(Permission.OTHER);
  }

  /**
   * Says it in words.
   *
   * @return such as {@code held: write, resize; denied: write; by qemu-img (42)}
   */
  public String inWords() {
    return Stream.of(
            words("held: ", held), words("denied: ", denied), holders.isEmpty() ? "" : byWhom())
        .filter(part -> !part.isEmpty())
        .collect(joining("; "));
  }

  private String byWhom() {
    return "by " + holders.stream().map(Holder::toString).collect(joining(", "));
  }

  private static String words(String title, Set<Permission> permissions) {
    return permissions.isEmpty()
        ? ""
        : permissions.stream()
            .sorted()
            .map(permission -> permission.name().toLowerCase(Locale.ROOT).replace('_', ' '))
            .collect(joining(", ", title, ""));
  }
}
