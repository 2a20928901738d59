package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
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

/**
 * Takes over only what is the same on both sides: without KVM pages were seen to differ, perhaps those that the vCPU thread writes just as
 * it is sent, which happens on a busy host. The guest then goes on where it was.
 */
record ComparingTarget(TwoHosts hosts, Path directory, long memoryBytes, MigrationTarget real)
    implements MigrationTarget {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  @Override
  public Verdict takeOver(ResourceId machine, MigrationRelease release) {
    try {
      Path left = saved(hosts.left, directory.resolve("left.memory"));
      Path right = saved(hosts.right, directory.resolve("right.memory"));
      return Files.mismatch(left, right) == -1
          ? real.takeOver(machine, release)
          : real.refuse(machine, release.token());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Verdict refuse(ResourceId machine, UUID token) {
    return real.refuse(machine, token);
  }

  private Path saved(Host host, Path file) throws IOException {
    Path machine = host.root.resolve(hosts.id.uid().toString());
    for (Path launch : launches(machine)) {
      try (QmpClient client = QmpClient.connect(launch.resolve("rescue"), LIMIT)) {
        String unused = client
            .execute(
                "pmemsave",
                Map.of("val", 0, "size", memoryBytes, "filename", file.toString()),
                LIMIT)
            .toString();
        return file;
      }
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
