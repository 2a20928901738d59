package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class ConformanceIT {
  @TempDir
  Path directory;

  @BeforeEach
  void makeImageAndDisk() throws IOException {
    Images.qemuImg("create", "-q", "-f", "qcow2", Volumes.image(directory), "8M");
    Files.createDirectory(disk());
    Images.run(List.of("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk().toString()));
  }

  @AfterEach
  void unmount() {
    Images.run(List.of("umount", disk().toString()));
  }

  private Path disk() {
    return directory.resolve("disk");
  }

  @TestFactory
  Stream<DynamicTest> emptyQcow2Conforms() {
    return DriverTck.of(new Volumes(directory, "empty"));
  }

  @TestFactory
  Stream<DynamicTest> emptyRawConforms() {
    return DriverTck.of(new Volumes(directory, "raw"));
  }

  @TestFactory
  Stream<DynamicTest> linkedCloneConforms() {
    return DriverTck.of(new Volumes(directory, "clone"));
  }

  @Test
  void driverThatHidesWhatLiesOnAVolumeIsRejected() {
    DynamicTest lies = DriverTck.of(new Volumes(directory, "forgetful"))
        .filter(test -> test.getDisplayName().startsWith("a volume on which another lies"))
        .findFirst()
        .orElseThrow();

    assertThatThrownBy(() -> lies.getExecutable().execute())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("names it as the reason not to write to it: Optional.empty");
  }

  @TestFactory
  Stream<DynamicTest> copyConforms() {
    return DriverTck.of(new Volumes(directory, "copy"));
  }

  @TestFactory
  Stream<DynamicTest> downloadConforms() {
    return DriverTck.of(new Volumes(directory, "download"));
  }

  @TestFactory
  Stream<DynamicTest> preallocatedConforms() {
    return DriverTck.of(new Volumes(directory, "preallocated"));
  }
}
