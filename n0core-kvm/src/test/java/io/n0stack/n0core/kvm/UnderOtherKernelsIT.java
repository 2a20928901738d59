package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.child.ChildResult;
import io.n0stack.n0core.tck.child.ChildTests;
import io.n0stack.n0core.tck.child.UserModeLinux;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs tests in guests whose kernel has control groups of version 2, one of them under systemd, and shows each
 * as one here.
 */
@Requires({Requirement.ROOT, Requirement.QEMU, Requirement.UML})
class UnderOtherKernelsIT {
  @TempDir
  Path shared;

  @TestFactory
  Stream<DynamicTest> withControlGroupsOfVersionTwo() throws Exception {
    return run(UserModeLinux.withModules(), "ConfinementIT", "UnifiedCgroupsUml");
  }

  @TestFactory
  Stream<DynamicTest> underSystemd() throws Exception {
    return run(UserModeLinux.withModules().underSystemd(), "SystemdScopeUml");
  }

  private Stream<DynamicTest> run(UserModeLinux guest, String... classes) throws Exception {
    guest.run(
        shared,
        Duration.ofMinutes(15),
        ChildTests.class,
        List.of(
            "io.n0stack.n0core.kvm",
            ".*\\.(" + String.join("|", classes) + ")",
            UserModeLinux.SHARED + "/results"));

    List<ChildResult> results = ChildResult.read(shared.resolve("results"));
    assertThat(results)
        .extracting(result -> result.test().replaceFirst("(?s) .*", ""))
        .contains(classes);
    return ChildResult.repeat(results);
  }
}
