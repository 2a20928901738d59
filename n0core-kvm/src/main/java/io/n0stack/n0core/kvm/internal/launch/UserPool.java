package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Gives machines the users that they run as. What was given is recorded by the machine itself. Thread-safe.
 */
public final class UserPool {
  private static final int PASSABLE = 0711;

  private final Optional<Settings.Uids> uids;

  /**
   * Creates a pool.
   *
   * @param settings where it is said which users there are
   */
  public UserPool(Settings settings) {
    uids = settings.uids();
  }

  /**
   * Chooses a machine's user: the one that it has, or the lowest that no machine has.
   *
   * @param had the user that it was given before
   * @param taken tells the users of all machines and of all processes
   * @param record records the choice durably
   * @param forget forgets it, where machines run as the agent's user
   * @return the user, empty for the agent's own
   * @throws N0Exception EXHAUSTED if all are taken
   */
  public synchronized Optional<Owner> choose(
      Supplier<Optional<Owner>> had,
      Supplier<Set<Long>> taken,
      Consumer<Owner> record,
      Runnable forget) {
    if (uids.isEmpty()) {
      if (had.get().isPresent()) {
        forget.run();
      }
      return Optional.empty();
    }
    Settings.Uids range = uids.get();
    Optional<Owner> owner = had.get();
    if (owner.filter(who -> contains(range, who)).isPresent()) {
      return owner;
    }
    Set<Long> others = range.shared() ? Set.of() : taken.get();
    for (long uid = range.first(); uid <= range.last(); uid++) {
      if (!others.contains(uid)) {
        record.accept(range.owner(uid));
        return Optional.of(range.owner(uid));
      }
    }
    throw new N0Exception(
        N0Exception.Code.EXHAUSTED,
        "kvm.uid-range",
        "find a user for the machine: all from " + range.first() + " to " + range.last()
            + " are taken; widen kvm.uid-range");
  }

  /**
   * Says whether a user is one that is given to one machine alone.
   *
   * @param who the user
   * @return true if it is from the range of such users
   */
  public boolean alone(Owner who) {
    return uids.filter(range -> !range.shared() && contains(range, who)).isPresent();
  }

  private static boolean contains(Settings.Uids range, Owner who) {
    return who.equals(range.owner(who.uid()))
        && who.uid() >= range.first()
        && who.uid() <= range.last();
  }

  /**
   * Lets a user reach a machine's directory, whose files stay private.
   *
   * @param machine the machine's directory
   * @param who the user
   * @throws N0Exception PRECONDITION if a directory above the one of all machines is in the way
   */
  public static void openWay(Path machine, Owner who) {
    Path all = machine.resolveSibling("");
    setMode(all, PASSABLE);
    setMode(machine, PASSABLE);
    for (Path above = all.getParent(); above != null; above = above.getParent()) {
      if (!Access.of(above).allows(who, Access.ENTER)) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            "kvm.directory",
            "let user " + who.uid() + " into " + machine + ": " + above
                + " must be a directory that everybody may pass through");
      }
    }
  }

  /**
   * Says whether permission bits let a user read a file.
   *
   * @param file the file
   * @param who the user
   * @return false also if one of the directories above is in the way
   */
  public static boolean mayRead(Path file, Owner who) {
    return Access.reaches(who, file, Access.READ);
  }

  /**
   * Gives a file or directory to a user.
   *
   * @param path which, not followed if it is a link
   * @param who the user
   */
  public static void give(Path path, Owner who) {
    set(path, "unix:gid", (int) who.gid());
    set(path, "unix:uid", (int) who.uid());
  }

  /**
   * Gives a file or directory to a user, unless that one has it.
   *
   * @param path which, not followed if it is a link
   * @param who the user; empty for the agent's, whose the directory is that it is in
   */
  public static void handOver(Path path, Optional<Owner> who) {
    Access above = Access.of(path.resolveSibling(""));
    Owner next = who.orElse(new Owner(above.uid(), above.gid()));
    if (!next.equals(owner(path))) {
      give(path, next);
    }
  }

  /**
   * Gives a directory with its plain files to a user. The former one, whose processes may live on if other machines
   * have the same user, is shut out first.
   *
   * @param directory the directory, in one of the agent's
   * @param who the user; empty for the agent's
   */
  public static void handOverAll(Path directory, Optional<Owner> who) {
    Access agent = Access.of(directory.resolveSibling(""));
    Owner next = who.orElse(new Owner(agent.uid(), agent.gid()));
    if (who.isPresent() && next.equals(owner(directory))) {
      return;
    }
    handOver(directory, Optional.empty());
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        boolean plain = Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
        if (plain && links(file) == 1 && !next.equals(owner(file))) {
          give(file, next);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          directory.toString(),
          "hand over " + directory + ": " + e,
          e);
    }
    handOver(directory, who); // the last of all, so that one that was cut short is seen
  }

  private static int links(Path file) throws IOException {
    return ((Number) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS)).intValue();
  }

  private static Owner owner(Path path) {
    try {
      return new Owner(
          ((Number) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue()
              & 0xFFFF_FFFFL,
          ((Number) Files.getAttribute(path, "unix:gid", LinkOption.NOFOLLOW_LINKS)).longValue()
              & 0xFFFF_FFFFL);
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, path.toString(), "look at " + path + ": " + e, e);
    }
  }

  /**
   * Lets a user make files in a directory, and take away only those.
   *
   * @param directory the directory
   * @param who the user
   */
  public static void share(Path directory, Owner who) {
    set(directory, "unix:gid", (int) who.gid());
    setMode(directory, 01770);
  }

  /**
   * Lets a user's group read a file, and nobody else.
   *
   * @param file the file
   * @param who the user
   */
  public static void show(Path file, Owner who) {
    set(file, "unix:gid", (int) who.gid());
    setMode(file, 0440);
  }

  private static void setMode(Path path, int mode) {
    set(path, "unix:mode", mode);
  }

  private static void set(Path path, String attribute, int value) {
    try {
      // Of a link only the owner can be set; nothing but directories and files of ours gets a mode.
      if (attribute.equals("unix:mode")) {
        Files.setAttribute(path, attribute, value);
      } else {
        Files.setAttribute(path, attribute, value, LinkOption.NOFOLLOW_LINKS);
      }
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          path.toString(),
          "set " + attribute + " of " + path + ": " + e,
          e);
    }
  }
}
