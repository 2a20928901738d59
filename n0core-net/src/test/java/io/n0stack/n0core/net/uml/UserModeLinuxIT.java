package io.n0stack.n0core.net.uml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.platform.engine.TestExecutionResult.Status.ABORTED;
import static org.junit.platform.engine.TestExecutionResult.Status.FAILED;
import static org.junit.platform.engine.TestExecutionResult.Status.SUCCESSFUL;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.child.ChildResult;
import io.n0stack.n0core.tck.child.ChildTests;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import io.n0stack.n0core.tck.child.UserModeLinux;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** Runs all {@link InUserModeLinux} in one guest, and shows each of their tests as one here. */
@Requires({Requirement.ROOT, Requirement.UML})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UserModeLinuxIT {
  /** Also those that run on the host: the guest's kernel is an older one, and has more. */
  private static final String TESTS = ".*(Uml"
      + "|\\.netlink\\.(Addresses|Bridges|ForwardingDatabase|LinkEdges|Neighbours|Netlink"
      + "|Routes|RoutingRules|TrafficControl)IT"
      + "|\\.tap\\.TapIT)";

  private static final String MISBEHAVING = ".*\\.MisbehavingInGuest";
  private static final String PACKAGE = "io.n0stack.n0core.net";
  private static final UserModeLinux GUEST = UserModeLinux.withModules(
      "ipv6",
      "8021q",
      "bridge",
      "dummy",
      "veth",
      "vrf",
      "bonding",
      "tun",
      "vxlan",
      "ifb",
      "macvlan",
      "macvtap",
      "sch_tbf",
      "sch_htb",
      "sch_ingress",
      "sch_netem",
      "act_police",
      "act_mirred",
      "act_gact",
      "cls_u32",
      "cls_matchall");

  private List<ChildResult> results = List.of();
  private List<ChildResult> misbehaved = List.of();

  @BeforeAll
  void runInTheGuest(@TempDir Path shared) throws IOException, InterruptedException {
    String inside = UserModeLinux.SHARED;
    GUEST.run(
        shared,
        Duration.ofMinutes(15),
        ChildTests.class,
        List.of(PACKAGE, TESTS, inside + "/results", MISBEHAVING, inside + "/misbehaved"));

    results = ChildResult.read(shared.resolve("results"));
    misbehaved = ChildResult.read(shared.resolve("misbehaved"));
  }

  @TestFactory
  Stream<DynamicTest> inTheGuest() {
    return ChildResult.repeat(results);
  }

  @Test
  void everyClassForTheGuestRan() throws IOException, URISyntaxException {
    URL own = Objects.requireNonNull(UserModeLinuxIT.class.getResource("UserModeLinuxIT.class"));
    List<String> classes;
    try (Stream<Path> files = Files.walk(Path.of(own.toURI()).resolveSibling(".."))) {
      classes = files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith("Uml.class"))
          .map(name -> name.replace(".class", ""))
          .toList();
    }

    assertThat(classes).isNotEmpty();
    assertThat(results)
        .extracting(result -> result.test().replaceFirst("(?s) .*", ""))
        .containsAll(classes);
  }

  @Test
  void whatEndsBadlyInTheGuestEndsBadlyHere() {
    assertThat(misbehaved)
        .extracting(ChildResult::test, ChildResult::status)
        .containsExactlyInAnyOrder(
            tuple("MisbehavingInGuest passes()", SUCCESSFUL),
            tuple("MisbehavingInGuest fails()", FAILED),
            tuple("MisbehavingInGuest aborts()", ABORTED),
            tuple("MisbehavingInGuest isDisabled()", ABORTED),
            tuple("MisbehavingInGuest Unprepared", FAILED));
    assertThatThrownBy(() -> ending("fails()").repeat())
        .isInstanceOf(AssertionError.class)
        .hasMessageContainingAll("in the guest", "on the host", "MisbehavingInGuest.java:");
    assertThatThrownBy(() -> ending("isDisabled()").repeat())
        .isInstanceOf(TestAbortedException.class)
        .hasMessageContaining("for a reason");
    assertThatThrownBy(() -> ending("Unprepared").repeat())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("[prepared]");
  }

  private ChildResult ending(String name) {
    return misbehaved.stream()
        .filter(result -> result.test().endsWith(" " + name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void whatIsForTheGuestFailsOnTheHost(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("results");

    ChildTests.main(PACKAGE, MISBEHAVING, file.toString());

    assertThat(ChildResult.read(file)).singleElement().satisfies(result -> {
      assertThat(result.status()).isEqualTo(FAILED);
      assertThat(result.text()).contains("in a guest of user-mode-linux alone");
    });
  }

  @Test
  void aGuestThatTakesTooLongIsKilledWithAllItsProcesses(@TempDir Path shared) {
    assertThatThrownBy(() -> GUEST.run(
            shared,
            Duration.ofSeconds(1),
            ChildTests.class,
            List.of(PACKAGE, MISBEHAVING, "unused")))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("none");

    assertThat(
            ProcessHandle.allProcesses().flatMap(process -> process.info().commandLine().stream()))
        .noneMatch(line -> line.contains(shared.toString()));
  }
}
