package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Requires before it takes over that the memory is the same on both sides. */
record ComparingTarget(TwoHosts hosts, Path directory, MigrationTarget real)
    implements MigrationTarget {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  /** A piece of the guest's memory, and where it lies. */
  private record Piece(long address, long bytes) {}

  @Override
  public Verdict takeOver(ResourceId machine, MigrationRelease release) {
    try (QmpClient left = monitor(hosts.left);
        QmpClient right = monitor(hosts.right)) {
      for (Piece piece : pieces(left)) {
        assertThat(Files.mismatch(
                saved(left, piece, directory.resolve("left.memory")),
                saved(right, piece, directory.resolve("right.memory"))))
            .as("byte of %s that differs", piece)
            .isEqualTo(-1);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return real.takeOver(machine, release);
  }

  private static List<Piece> pieces(QmpClient qmp) {
    List<Piece> pieces = new ArrayList<>();
    long board = qmp.execute("query-memory-size-summary", LIMIT).number("/base-memory");
    pieces.add(new Piece(0, board));
    for (QmpResult dimm : qmp.execute("query-memory-devices", LIMIT).list("")) {
      pieces.add(new Piece(dimm.number("/data/addr"), dimm.number("/data/size")));
    }
    return pieces;
  }

  @Override
  public Verdict refuse(ResourceId machine, UUID token) {
    return real.refuse(machine, token);
  }

  private static Path saved(QmpClient qmp, Piece piece, Path file) {
    Map<String, Object> arguments =
        Map.of("val", piece.address(), "size", piece.bytes(), "filename", file.toString());
    assertThat(qmp.execute("pmemsave", arguments, LIMIT).toString()).isEqualTo("{}");
    return file;
  }

  private QmpClient monitor(Host host) throws IOException {
    Path machine = host.root.resolve(hosts.id.uid().toString());
    for (Path launch : launches(machine)) {
      return QmpClient.connect(launch.resolve("rescue"), LIMIT);
    }
    throw new N0Exception(N0Exception.Code.NOT_FOUND, "launch", "find a launch in " + machine);
  }

  private static List<Path> launches(Path machine) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(machine, "run.*")) {
      all.forEach(found::add);
    }
    return found;
  }
}
