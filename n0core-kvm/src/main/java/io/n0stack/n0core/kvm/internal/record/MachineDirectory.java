package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One machine's directory, which is all that the driver knows of it. Thread-safe. */
public final class MachineDirectory {
  /** The longest path of a Unix socket: sun_path without its final zero, unix(7). */
  public static final int SOCKET_PATH_BYTES = 107;

  private static final String RECORD = "machine.json";
  private static final String STARTED = "started";
  /** The file that holds the versioned machine type, see {@link #type}. */
  public static final String TYPE = "type";

  private static final String RUN = "run.";
  private static final String LAST = "last";
  private static final String DOOMED = ".del-";
  private static final String BARE = ".bare-";
  private static final String EXPECTED = ".exp-";
  private static final Pattern UID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final Pattern BARE_NAME = Pattern.compile("(" + Pattern.quote(BARE) + "|"
      + Pattern.quote(EXPECTED) + ")(?<uid>" + UID
      + ")\\.(?<name>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)");
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Path root;
  private final UUID uid;

  /**
   * Names a machine's directory; does not look.
   *
   * @param root where all machines are
   * @param uid the machine
   */
  public MachineDirectory(Path root, UUID uid) {
    this.root = root;
    this.uid = uid;
  }

  /**
   * Returns the directory that a launch's is in.
   *
   * @param run the launch
   * @return the machine's directory
   */
  public static MachineDirectory of(Run run) {
    return new MachineDirectory(run.directory().resolve("../..").normalize(), run.uid());
  }

  /**
   * Returns a path as long as the longest socket path below a root.
   *
   * @param root where all machines are
   * @return the path
   */
  public static Path longestSocket(Path root) {
    return root.resolve(DOOMED + new UUID(0, 0)).resolve(RUN + "00000000").resolve("serial");
  }

  /**
   * Lists the machines.
   *
   * @param root where all machines are
   * @return their identities
   * @throws N0Exception UNAVAILABLE if one of them cannot be read
   */
  public static Set<ResourceId> list(Path root) {
    Set<ResourceId> ids = new HashSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        stamp(name).ifPresent(ids::add);
        String uid = name.startsWith(DOOMED) ? name.substring(DOOMED.length()) : name;
        if (UID.matcher(uid).matches()) {
          new MachineDirectory(root, UUID.fromString(uid))
              .read()
              .ifPresent(record -> ids.add(record.id()));
        }
      }
      return ids;
    } catch (NoSuchFileException e) {
      requireVisible(root);
      return Set.of(); // nothing was ever made here
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      throw DurableFiles.failure(root.toString(), "list machines in " + root, e);
    }
  }

  /** Reads the stamp from the name of a bare directory. */
  private static Optional<ResourceId> stamp(String file) {
    Matcher bare = BARE_NAME.matcher(file);
    return bare.matches()
        ? Optional.of(new ResourceId(
            ComputeDriver.KIND, bare.group("name"), UUID.fromString(bare.group("uid"))))
        : Optional.empty();
  }

  /**
   * Looks for a creation, a reservation or a deletion that was cut short and has left no more than a stamp.
   *
   * @return whose it is, empty if there is none
   * @throws N0Exception UNAVAILABLE if it cannot look
   */
  public Optional<ResourceId> bare() {
    return found(BARE).or(() -> found(EXPECTED));
  }

  /**
   * Looks for a reservation that was cut short: what may run on another host, and must not be created here.
   *
   * @return whose it is, empty if there is none
   * @throws N0Exception UNAVAILABLE if it cannot look
   */
  public Optional<ResourceId> halfReserved() {
    return Files.exists(path()) ? Optional.empty() : found(EXPECTED);
  }

  private Optional<ResourceId> found(String prefix) {
    return bares(prefix).stream()
        .flatMap(path -> stamp(String.valueOf(path.getFileName())).stream())
        .findFirst();
  }

  private List<Path> bares(String prefix) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root, prefix + uid + ".*")) {
      for (Path entry : entries) {
        if (stamp(String.valueOf(entry.getFileName())).isPresent()) {
          found.add(entry);
        }
      }
      return found;
    } catch (NoSuchFileException e) {
      requireVisible(root);
      return List.of();
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      throw failure("look for leftovers", e);
    }
  }

  private Path barePath(String prefix, String name) {
    return root.resolve(prefix + uid + "." + name);
  }

  private void removeBare(String prefix) throws IOException {
    for (Path bare : bares(prefix)) {
      DurableFiles.removeTree(bare, RECORD);
    }
  }

  /**
   * Reads the stamp and the spec, also of a machine whose deletion was begun.
   *
   * @return the record, empty if there is proved to be no machine
   * @throws N0Exception UNAVAILABLE if it cannot be read or is damaged
   */
  public Optional<MachineRecord> read() {
    Optional<MachineRecord> record = read(path());
    return record.isPresent() ? record : read(doomed());
  }

  private Optional<MachineRecord> read(Path directory) {
    try {
      MachineRecord record = MachineRecord.decode(Files.readString(directory.resolve(RECORD)));
      if (!record.id().uid().equals(uid)) {
        throw new IOException("it is stamped with uid " + record.id().uid());
      }
      return Optional.of(record);
    } catch (NoSuchFileException e) {
      if (Files.notExists(directory)) {
        requireVisible(root);
        return Optional.empty();
      }
      throw failure("read", e);
    } catch (IOException e) {
      throw failure("read", e);
    }
  }

  /**
   * Proves that machines would be seen.
   *
   * @param root where all machines are
   * @throws N0Exception UNAVAILABLE if it is not a directory and cannot become one
   */
  public static void requireVisible(Path root) {
    try {
      DurableFiles.requireVisible(root);
    } catch (IOException e) {
      throw DurableFiles.failure(
          root.toString(),
          "look for machines in " + root + ", which must be a directory or not exist yet",
          e);
    }
  }

  /**
   * Creates the directory, complete with stamp and spec at once, unless it exists. Until then the
   * name of a bare directory is the stamp.
   *
   * @param record stamp and spec
   * @throws N0Exception UNAVAILABLE if it cannot be written
   */
  public void create(MachineRecord record) {
    try {
      DurableFiles.createDirectories(root);
      removeBare(BARE);
      if (Files.notExists(path())) {
        build(BARE, record, Map.of());
      }
    } catch (IOException e) {
      throw failure("create", e);
    }
  }

  /**
   * Creates the directory of a machine that is to come from another host, complete at once: stamp, spec and
   * what says that it may not run here yet. Until then the name of a directory that nothing else bears is
   * stamp and mark, so that it cannot be taken for a machine whose creation was cut short.
   *
   * @param record stamp and spec
   * @param others the contents of other files by their names
   * @throws N0Exception UNAVAILABLE if it cannot be written, or was created by another meanwhile
   */
  public void reserve(MachineRecord record, Map<String, String> others) {
    try {
      DurableFiles.createDirectories(root);
      removeBare(EXPECTED);
      removeBare(BARE);
      try {
        build(EXPECTED, record, others);
      } catch (IOException e) {
        removeBare(EXPECTED);
        throw e;
      }
    } catch (IOException e) {
      throw failure("reserve", e);
    }
  }

  private void build(String prefix, MachineRecord record, Map<String, String> others)
      throws IOException {
    Path fresh = barePath(prefix, record.id().name());
    DurableFiles.createDirectory(fresh);
    for (Map.Entry<String, String> other : others.entrySet()) {
      DurableFiles.replace(fresh.resolve(other.getKey()), other.getValue());
    }
    DurableFiles.replace(fresh.resolve(RECORD), record.encode());
    DurableFiles.rename(fresh, path());
  }

  /**
   * Replaces the spec.
   *
   * @param record stamp and new spec
   * @throws N0Exception UNAVAILABLE if it cannot be written
   */
  public void replace(MachineRecord record) {
    write(RECORD, record.encode());
  }

  /**
   * Removes what writes that were cut off have left. Only for the one thread that changes the machine.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done
   */
  public void sweep() {
    try {
      DurableFiles.sweep(path());
      snapshots().sweep();
    } catch (IOException e) {
      throw failure("sweep", e);
    }
  }

  /**
   * Says whether a write has been cut off, or is just going on.
   *
   * @return true if there is something to {@link #sweep}
   * @throws N0Exception UNAVAILABLE if that cannot be told
   */
  public boolean unswept() {
    try {
      return DurableFiles.unswept(path()) || snapshots().unswept();
    } catch (IOException e) {
      throw failure("look for cut off writes", e);
    }
  }

  /**
   * Says whether the deletion was begun.
   *
   * @return true if only {@link #remove} and {@link #create} may follow
   */
  public boolean deleting() {
    return Files.notExists(path()) && Files.exists(doomed());
  }

  /**
   * Says whether anything of it is left.
   *
   * @return true if {@link #remove} has something to do
   */
  public boolean leftovers() {
    return Files.exists(path()) || Files.exists(doomed()) || bare().isPresent();
  }

  /**
   * Says whether the machine was ever started completely.
   *
   * @return true once {@link #markStarted} was called
   */
  public boolean started() {
    return Files.exists(path().resolve(STARTED));
  }

  /** Remembers that the machine was started completely. */
  public void markStarted() {
    try {
      DurableFiles.create(path().resolve(STARTED), "");
    } catch (IOException e) {
      throw failure("write " + STARTED, e);
    }
  }

  /**
   * Returns the machine's saved memory.
   *
   * @return the memory, of which there may be none
   */
  public SavedMemory memory() {
    return new SavedMemory(path());
  }

  /**
   * Returns the records of the machine's snapshots.
   *
   * @return the records, of which there may be none
   */
  public SnapshotRecords snapshots() {
    return new SnapshotRecords(path());
  }

  /**
   * Reads the record of a machine that must be there.
   *
   * @param id the machine
   * @return its record
   * @throws N0Exception NOT_FOUND if there is none; ALREADY_EXISTS if its uid is stamped otherwise
   */
  public MachineRecord require(ResourceId id) {
    MachineRecord record = read().filter(found -> !deleting()).orElseThrow(() -> none(id));
    if (!record.id().equals(id)) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "find " + id + ": uid " + id.uid() + " is stamped " + record.id());
    }
    return record;
  }

  /**
   * Says that there is no such machine.
   *
   * @param id the machine
   * @return what to throw: NOT_FOUND
   */
  public N0Exception none(ResourceId id) {
    String why = halfReserved().isPresent()
        ? "its reservation was cut short; expect it again, or delete it"
        : "there is none";
    return new N0Exception(N0Exception.Code.NOT_FOUND, id.toString(), "find " + id + ": " + why);
  }

  /**
   * Returns the versioned machine type of its first launch.
   *
   * @return a type such as {@code pc-q35-7.2}, empty before
   */
  public Optional<String> type() {
    try {
      return Optional.of(Files.readString(path().resolve(TYPE)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw failure("read the machine type", e);
    }
  }

  /**
   * Records the versioned machine type, so that later launches show the guest the same board.
   *
   * @param type what QEMU resolved the alias to
   */
  public void recordType(String type) {
    write(TYPE, type);
  }

  /**
   * Returns the launches whose directory is still in force: none or one, more only after a defect.
   *
   * @return the launches
   * @throws N0Exception UNAVAILABLE if it cannot look
   */
  public List<Run> runs() {
    List<Run> runs = new ArrayList<>();
    Path directory = current();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, RUN + "*")) {
      entries.forEach(entry -> runs.add(new Run(uid, entry)));
      return runs;
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      throw failure("look for launches", e);
    }
  }

  /**
   * Returns the launch before, renamed away by {@link #fence}.
   *
   * @return the launch, which may not exist
   */
  public Run last() {
    return new Run(uid, current().resolve(LAST));
  }

  /**
   * Renames a launch's directory away. A QEMU that was forked for it but had not come as far as its
   * lock will find none of its paths and die.
   *
   * @param run the launch
   */
  public void fence(Run run) {
    try {
      DurableFiles.removeTree(last().directory(), "off");
      DurableFiles.rename(run.directory(), last().directory());
    } catch (IOException e) {
      throw failure("fence " + run.directory().getFileName(), e);
    }
  }

  /**
   * Creates the directory of a new launch.
   *
   * @return the launch
   */
  public Run freshRun() {
    Path directory = path().resolve(RUN + String.format("%08x", RANDOM.nextInt()));
    try {
      DurableFiles.createDirectory(directory);
      return new Run(uid, directory).reserve();
    } catch (IOException e) {
      throw failure("create " + directory.getFileName(), e);
    }
  }

  /** Renames it aside, so that no launch of it can come up any more. */
  public void doom() {
    try {
      if (Files.exists(path())) {
        DurableFiles.removeTree(doomed(), RECORD);
        DurableFiles.rename(path(), doomed());
      }
    } catch (IOException e) {
      throw failure("rename aside", e);
    }
  }

  /** Removes what {@link #doom} renamed, its stamp to the last in its name, and all that is bare. */
  public void remove() {
    Optional<MachineRecord> record = read(doomed());
    try {
      if (record.isPresent()) {
        VolumeAccess.deny(this);
      }
      removeBare(EXPECTED);
      removeBare(BARE);
      if (record.isPresent()) {
        DurableFiles.rename(doomed(), barePath(BARE, record.get().id().name()));
        removeBare(BARE);
      }
    } catch (IOException e) {
      throw failure("remove", e);
    }
  }

  /**
   * Returns the user that its processes run as.
   *
   * @return the user, empty if it was given none
   * @throws N0Exception UNAVAILABLE if that cannot be read
   */
  public Optional<Owner> owner() {
    return Owners.read(current().resolve(Owners.FILE));
  }

  /**
   * Records the user that its processes run as. What a former one was allowed of volumes is taken back first: after
   * this nobody knows who that was. None of its processes may live.
   *
   * @param owner the user
   * @throws N0Exception UNAVAILABLE if that cannot be done; the former user is on record then
   */
  public void recordOwner(Owner owner) {
    VolumeAccess.deny(this);
    write(Owners.FILE, owner.encode());
  }

  /**
   * Takes back what a user of its own was allowed, and forgets it: its processes run as the agent's user.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be done; the former user is on record then
   */
  public void forgetOwner() {
    VolumeAccess.deny(this);
    try {
      Files.deleteIfExists(current().resolve(Owners.FILE));
      DurableFiles.sync(current());
    } catch (IOException e) {
      throw failure("forget its user", e);
    }
  }

  /** Lists the directories of other machines that run as a user. */
  List<Path> othersOf(Owner owner) {
    Map<Path, Owner> all = Owners.all(root);
    all.values().removeIf(other -> !other.equals(owner));
    all.keySet().removeAll(Set.of(path(), doomed()));
    return List.copyOf(all.keySet());
  }

  /** Returns where it is now. */
  Path current() {
    return deleting() ? doomed() : path();
  }

  /**
   * Returns where it is.
   *
   * @return its path, also while it is not there
   */
  public Path path() {
    return root.resolve(uid.toString());
  }

  private void write(String file, String text) {
    try {
      DurableFiles.replace(path().resolve(file), text);
    } catch (IOException e) {
      throw failure("write " + file, e);
    }
  }

  private Path doomed() {
    return root.resolve(DOOMED + uid);
  }

  private N0Exception failure(String what, Exception cause) {
    return DurableFiles.failure(path().toString(), what + " in machine directory " + path(), cause);
  }
}
