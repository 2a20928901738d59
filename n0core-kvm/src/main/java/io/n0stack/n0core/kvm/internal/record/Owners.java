package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Whom machines run as, by what is recorded in their directories. */
public final class Owners {
  /** The file of a machine's directory that says it. */
  static final String FILE = "user";

  private Owners() {}

  /**
   * Lists the users of all machines.
   *
   * @param root where all machines are
   * @return their numbers
   * @throws N0Exception UNAVAILABLE if one of them cannot be read
   */
  public static Set<Long> uids(Path root) {
    return all(root).values().stream().map(Owner::uid).collect(Collectors.toSet());
  }

  /**
   * Says whether other machines run as a user.
   *
   * @param directory the directory of a machine that does
   * @param owner the user
   * @return true if one does
   * @throws N0Exception UNAVAILABLE if that cannot be read
   */
  public static boolean shared(MachineDirectory directory, Owner owner) {
    return !directory.othersOf(owner).isEmpty();
  }

  static Map<Path, Owner> all(Path root) {
    Map<Path, Owner> owners = new HashMap<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        read(entry.resolve(FILE)).ifPresent(owner -> owners.put(entry, owner));
      }
      return owners;
    } catch (IOException | DirectoryIteratorException e) {
      throw DurableFiles.failure(root.toString(), "list users of machines in " + root, e);
    }
  }

  static Optional<Owner> read(Path file) {
    try {
      return Optional.of(Owner.parse(Files.readString(file)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | IllegalArgumentException e) {
      throw DurableFiles.failure(file.toString(), "read " + file, e);
    }
  }
}
