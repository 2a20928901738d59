package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeBackups.Backup;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Backups of a volume that nobody has open, in a directory of the kit's own. */
final class BackupCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> NOT_FOUND = Set.of(N0Exception.Code.NOT_FOUND);
  private static final Set<N0Exception.Code> TAKEN = Set.of(N0Exception.Code.ALREADY_EXISTS);
  private static final int MOST_STEPS = 30;

  private final Bench<S, T> bench;
  private final Driver<S, T> driver;

  BackupCases(Bench<S, T> bench, Driver<S, T> driver) {
    this.bench = bench;
    this.driver = driver;
  }

  void backups(VolumeBackups backups, ResourceId id) {
    try {
      Path directory = Files.createTempDirectory("n0core-tck");
      try {
        all(backups, id, directory);
      } finally {
        for (Path file : listed(directory)) {
          Files.delete(file);
        }
        Files.delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> listed(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  private void all(VolumeBackups backups, ResourceId id, Path directory) throws IOException {
    BackupRequest plain = BackupRequest.full(directory.resolve("plain"));
    Optional<N0Exception.Code> code =
        Bench.code(() -> whole(backups.backUp(bench.context(), id, plain), plain));
    if (code.equals(Optional.of(N0Exception.Code.UNSUPPORTED))) {
      bench.same("files after refusing a backup", listed(directory), List.of());
      return;
    }
    bench.same("failure of a backup", code, Optional.empty());
    refusals(backups, id, directory);
    BackupRequest full = BackupRequest.full(directory.resolve("full")).withCheckpoint("one");
    code = Bench.code(() -> whole(backups.backUp(bench.context(), id, full), full));
    if (!code.equals(Optional.of(N0Exception.Code.UNSUPPORTED))) {
      bench.same("failure of a backup with a checkpoint", code, Optional.empty());
      chain(backups, id, full);
      cancelled(backups, id, directory);
    }
    bench.same("checkpoints in the end", names(backups, id), List.of());
    bench.complete(driver, id, "after backups");
  }

  private void whole(Backup made, BackupRequest request) {
    Path file = request.target();
    bench.same("path of a backup", made.path(), file);
    bench.holds("there is a backup at " + file, Files.isRegularFile(file));
    try {
      bench.same("length of a backup", made.lengthBytes(), Files.size(file));
      bench.same(
          "who may read a backup",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(file)),
          "rw-------");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void refusals(VolumeBackups backups, ResourceId id, Path directory) throws IOException {
    Path taken = Files.writeString(directory.resolve("taken"), "of somebody else");
    bench.refused(
        "backup to where something is",
        TAKEN,
        () -> backups.backUp(bench.context(), id, BackupRequest.full(taken)));
    bench.same("what was there", Files.readString(taken), "of somebody else");
    BackupRequest full = BackupRequest.full(directory.resolve("none"));
    bench.refused(
        "backup of nothing",
        NOT_FOUND,
        () -> backups.backUp(bench.context(), bench.fresh(driver), full));
    bench.refused(
        "checkpoints of nothing",
        NOT_FOUND,
        () -> backups.checkpoints(bench.context(), bench.fresh(driver)));
    bench.refused(
        "backup since no checkpoint",
        Set.of(N0Exception.Code.NOT_FOUND, N0Exception.Code.UNSUPPORTED),
        () -> backups.backUp(
            bench.context(),
            id,
            BackupRequest.increment(full.target(), "none", directory.resolve("plain"))));
    bench.holds("no file after a refusal", !Files.exists(full.target()));
  }

  private void chain(VolumeBackups backups, ResourceId id, BackupRequest full) {
    bench.with(other -> bench.same(
        "checkpoints seen by a new instance",
        names(other.capability(VolumeBackups.class).orElseThrow(), id),
        List.of("one")));
    bench.refused("the same backup again", TAKEN, () -> backups.backUp(bench.context(), id, full));
    bench.refused(
        "another backup with the same checkpoint",
        TAKEN,
        () -> backups.backUp(
            bench.context(),
            id,
            BackupRequest.full(full.target().resolveSibling("none")).withCheckpoint("one")));
    BackupRequest next = BackupRequest.increment(
            full.target().resolveSibling("increment"), "one", full.target())
        .withCheckpoint("two");
    Optional<N0Exception.Code> code =
        Bench.code(() -> whole(backups.backUp(bench.context(), id, next), next));
    // A driver may need a machine that runs.
    boolean refused = code.equals(Optional.of(N0Exception.Code.PRECONDITION));
    bench.holds("an increment is made, not " + code, refused || code.isEmpty());
    bench.same(
        "checkpoints after an increment",
        names(backups, id),
        refused ? List.of("one") : List.of("one", "two"));
    for (int i = 0; i < 2; i++) { // what is removed is removed
      backups.removeCheckpoint(bench.context(), id, "one");
      backups.removeCheckpoint(bench.context(), id, "two");
    }
    bench.same("checkpoints after removing them", names(backups, id), List.of());
  }

  /** Cancelled before any step, a backup has left neither file nor checkpoint, or both. */
  private void cancelled(VolumeBackups backups, ResourceId id, Path directory) throws IOException {
    boolean ended = false;
    for (int step = 0; !ended; step++) {
      bench.holds("a backup ends", step < MOST_STEPS);
      BackupRequest request =
          BackupRequest.full(directory.resolve("cancelled-" + step)).withCheckpoint("cancelled");
      StandaloneContext cx = bench.context().cancelBefore(step);
      Optional<N0Exception.Code> code = Bench.code(() -> backups.backUp(cx, id, request));
      ended = code.isEmpty();
      bench.holds(
          "a backup is made or cancelled, not " + code,
          ended || code.equals(Optional.of(N0Exception.Code.CANCELLED)));
      boolean there = Files.exists(request.target());
      bench.same("a file where a backup was made", there, ended);
      bench.same(
          "checkpoints after a backup that was " + (ended ? "made" : "cancelled"),
          names(backups, id),
          ended ? List.of("cancelled") : List.of());
    }
    backups.removeCheckpoint(bench.context(), id, "cancelled");
  }

  private List<String> names(VolumeBackups backups, ResourceId id) {
    List<String> names = new ArrayList<>();
    for (Checkpoint one : backups.checkpoints(bench.context(), id)) {
      bench.holds("a checkpoint that was just made is consistent", one.consistent());
      names.add(one.name());
    }
    return names.stream().sorted().toList();
  }
}
