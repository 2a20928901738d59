package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens to agents and API on hosts of their own, which all tests share and put in order. */
@Requires(Requirement.ROOT)
class MembershipScenariosIT {
  private static final Logger LOG = LoggerFactory.getLogger(MembershipScenariosIT.class);
  private static final Duration SOON = Lab.SOON;
  private static final int SPARE = 5;
  private static final List<String> AGENTS = List.of("node-2", "node-3", "node-4");
  private static final String[] ALL = {"api-1", "node-2", "node-3", "node-4"};

  @TempDir
  static Path directory;

  private static Lab lab;
  private static Program api;

  /** Starts the agents before there is an API. */
  @BeforeAll
  static void open() {
    lab = new Lab(SPARE, directory);
    for (int i = 0; i < AGENTS.size(); i++) {
      Program unused = lab.agent(2 + i, AGENTS.get(i));
    }
    AGENTS.forEach(name -> lab.member(name).awaitLine("joined", SOON));
    api = lab.api(1, "store");
  }

  @AfterAll
  static void close() {
    lab.close();
  }

  @BeforeEach
  void everythingRuns() {
    for (int host = 1; host <= SPARE; host++) {
      lab.heal(host);
    }
    if (!lab.runs("api-1")) {
      api = lab.api(1, "store");
    }
    for (int i = 0; i < AGENTS.size(); i++) {
      if (!lab.runs(AGENTS.get(i))) {
        Program unused = lab.agent(2 + i, AGENTS.get(i));
      }
    }
    awaitAllReady();
  }

  private static void awaitAllReady() {
    for (String name : ALL) {
      long unused = lab.awaitView(name, ALL);
    }
    AGENTS.forEach(name -> lab.member(name).awaitLine("saved", SOON));
    await().atMost(SOON).until(() -> {
      api.does("nodes");
      return Lab.last(api, "nodes").equals("nodes node-2=READY,node-3=READY,node-4=READY");
    });
  }

  private static long millis(long from, long to) {
    return (to - from) / 1_000_000;
  }

  @Test
  void oneThatLeavesIsGoneForAllAtOnceAndTheOthersStay() {
    int before = api.lines.size();
    long asked = System.nanoTime();
    lab.member("node-4").write("leave");
    List<Long> took = new ArrayList<>();
    for (String other : List.of("api-1", "node-2", "node-3")) {
      took.add(millis(asked, lab.awaitView(other, "api-1", "node-2", "node-3")));
    }
    lab.member("node-4").awaitLine("done leave", SOON);
    LOG.info(
        "measured: leave -> gone for API and agents ms {}; leave itself took {}",
        took,
        millis(asked, System.nanoTime()));

    assertThat(Lab.changes(api, before)).containsExactly("node-4 NOT_READY"); // its record stays
    lab.kill("node-4");
  }

  @Test
  void oneThatIsKilledIsNotReadyAndItsRestartIsReadyAgain() {
    int before = api.lines.size();
    long killed = System.nanoTime();
    lab.kill("node-4");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    LOG.info("measured: kill -9 -> NOT_READY ms {}", millis(killed, seen));

    long unused = lab.awaitView("node-2", "api-1", "node-2", "node-3");
    Program again = lab.agent(4, "node-4");
    again.awaitLine("saved", SOON);
    long ready = api.awaitLineAfter(before, "change node-4 READY", SOON);
    assertThat(ready).isGreaterThan(seen);
    assertThat(Lab.changes(api, before)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void aQuickRestartUnderTheSameNameIsADepartureAndAnArrival() {
    int before = api.lines.size();
    lab.kill("node-4");
    Program unused = lab.agent(4, "node-4");

    awaitAllReady();
    assertThat(Lab.changes(api, before)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void oneThatMovesToAnotherAddressIsFoundThere() {
    lab.kill("node-4");
    int before = api.lines.size();
    Program moved = lab.agent(SPARE, "node-4");
    moved.awaitLine("saved", SOON);

    api.awaitLineAfter(before, "change node-4 READY", SOON);
    awaitAllReady();
    int quiet = api.lines.size();
    await().pollDelay(Duration.ofSeconds(4)).until(() -> true); // nobody probes the old address
    assertThat(Lab.changes(api, quiet)).isEmpty();
    lab.kill("node-4");
  }

  @Test
  void aHostWithoutPowerIsNotReadyUntilItIsBack() {
    int before = api.lines.size();
    long begun = System.nanoTime();
    lab.drop(4, "", "");
    lab.member("node-4").signal("STOP");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    LOG.info("measured: power-off -> NOT_READY ms {}", millis(begun, seen));
    long unused = lab.awaitView("node-2", "api-1", "node-2", "node-3");

    lab.member("node-4").signal("CONT");
    lab.heal(4);
    long healed = System.nanoTime();
    long back = api.awaitLineAfter(before, "change node-4 READY", SOON);
    LOG.info("measured: healed -> READY ms {}", millis(healed, back));
    awaitAllReady();
    assertThat(Lab.changes(api, before)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void aStoppedProcessIsNotReadyUntilItGoesOnAndBlamesNobody() {
    int before = api.lines.size();
    long begun = System.nanoTime();
    Program stopped = lab.member("node-4");
    int own = stopped.lines.size();
    stopped.signal("STOP");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    long unused = lab.awaitView("node-3", "api-1", "node-2", "node-3");
    long continued = System.nanoTime();
    stopped.signal("CONT");
    long back = api.awaitLineAfter(before, "change node-4 READY", SOON);
    LOG.info(
        "measured: SIGSTOP -> NOT_READY ms {}; SIGCONT -> READY ms {}",
        millis(begun, seen),
        millis(continued, back));

    awaitAllReady();
    assertThat(Lab.changes(api, before)).containsExactly("node-4 NOT_READY", "node-4 READY");
    assertThat(stopped.lines.stream().skip(own)).isEmpty(); // it has lost sight of nobody
  }

  @Test
  void anApiThatDiesHarmsNobodyAndFindsAllWhenItIsBack() {
    lab.kill("api-1");
    for (String agent : AGENTS) {
      long unused = lab.awaitView(agent, "node-2", "node-3", "node-4");
    }

    api = lab.api(1, "store");
    long joined = api.awaitLineAfter(0, "joined", SOON);
    long full = lab.awaitView("api-1", ALL);
    LOG.info("measured: API back with records -> full view ms {}", millis(joined, full));
    awaitAllReady();
    assertThat(Lab.changes(api, 0))
        .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 READY");
  }

  @Test
  void anApiWithoutItsRecordsIsFoundByTheAgents() {
    lab.kill("api-1");
    long unused = lab.awaitView("node-2", "node-2", "node-3", "node-4");
    api = lab.api(1, "empty");
    long joined = api.awaitLineAfter(0, "joined", SOON);
    long full = lab.awaitView("api-1", ALL);
    LOG.info("measured: API back without records -> full view ms {}", millis(joined, full));

    assertThat(Lab.changes(api, 0))
        .containsExactlyInAnyOrder(
            "node-2 UNREGISTERED", "node-3 UNREGISTERED", "node-4 UNREGISTERED");
    lab.kill("api-1");
  }

  @Test
  void anApiThatDiesWithAnAgentReportsItOnlyAfterAGrace() {
    lab.kill("api-1");
    lab.kill("node-4");
    api = lab.api(1, "store");
    api.awaitLineAfter(0, "change node-2 READY", SOON);
    long joined = api.awaitLineAfter(0, "joined", SOON);
    long told = api.awaitLineAfter(0, "change node-4 NOT_READY", SOON);

    // The grace began when the registry was opened, before it joined.
    assertThat(millis(joined, told)).isGreaterThan(5_000);
    assertThat(Lab.changes(api, 0))
        .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 NOT_READY");
  }

  @Test
  void aPartitionHealsByItself() {
    int before = api.lines.size();
    String others = "{ 10.77.0.1, 10.77.0.2 }";
    for (int host : new int[] {3, 4}) {
      lab.drop(host, "ip saddr " + others, "ip daddr " + others);
    }
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    assertThat(lab.awaitView("node-2", "api-1", "node-2")).isPositive();
    assertThat(lab.awaitView("node-3", "node-3", "node-4")).isPositive();

    long healed = System.nanoTime();
    lab.heal(3);
    lab.heal(4);
    long back = lab.awaitView("api-1", ALL);
    LOG.info("measured: partition healed -> full view of the API ms {}", millis(healed, back));
    awaitAllReady();
    assertThat(Lab.changes(api, before))
        .containsExactlyInAnyOrder(
            "node-3 NOT_READY", "node-4 NOT_READY", "node-3 READY", "node-4 READY");
  }

  @Test
  void aPartitionInOneDirectionBetweenTwoIsNoDeparture() {
    int before = api.lines.size();
    lab.drop(4, "ip saddr 10.77.0.1", Lab.NOTHING); // the others still reach both
    await().pollDelay(Duration.ofSeconds(8)).until(() -> true);

    assertThat(Lab.changes(api, before)).isEmpty();
    lab.drop(4, "", Lab.NOTHING); // hears nobody any more
    api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    lab.heal(4);
    api.awaitLineAfter(before, "change node-4 READY", SOON);
  }

  @Test
  void aFlappingLinkIsNoDeparture() {
    int before = api.lines.size();
    for (int i = 0; i < Repetition.of(6); i++) {
      lab.drop(4, "", "");
      await().pollDelay(Duration.ofMillis(800)).until(() -> true);
      lab.heal(4);
      await().pollDelay(Duration.ofMillis(800)).until(() -> true);
    }

    awaitAllReady();
    assertThat(Lab.changes(api, before)).isEmpty();
  }

  @Test
  void lossOfAFifthMakesNobodyNotReady() {
    int before = api.lines.size();
    for (int host = 1; host <= 4; host++) {
      lab.drop(host, "numgen random mod 100 < 20", Lab.NOTHING);
    }
    await()
        .pollDelay(Duration.ofMillis(Repetition.of(12_000)))
        .atMost(Duration.ofMinutes(10))
        .until(() -> true);

    assertThat(Lab.changes(api, before)).isEmpty();
  }

  @Test
  void aNameInUseIsRefusedAndItsUserGoesOn() {
    int before = api.lines.size();
    Program user = lab.member("node-4");
    Program thief = lab.agent(SPARE, "node-4");
    thief.awaitLine("failed join ALREADY_EXISTS", SOON);
    assertThat(Lab.last(thief, "failed")).contains("in use").contains(Lab.address(4));

    lab.adopt("node-4", user);
    awaitAllReady();
    assertThat(Lab.changes(api, before)).doesNotContain("node-4 NOT_READY");
  }

  @Test
  void aStrangerWithoutTheSecretIsNoMember() {
    int before = api.lines.size();
    Program stranger = lab.stranger(SPARE, "stranger");
    stranger.awaitLine("joined", SOON); // it may believe what it likes
    await().pollDelay(Duration.ofSeconds(3)).until(() -> true);

    assertThat(Lab.last(stranger, "members")).isEqualTo("members stranger");
    assertThat(Lab.last(api, "members")).isEqualTo("members " + String.join(",", ALL));
    assertThat(Lab.changes(api, before)).isEmpty();
    lab.kill("stranger");
  }

  @Test
  void malformedFramesAreNotEvenHeard() {
    int before = api.lines.size();
    // 0x7fffffff bytes are announced, some are sent, many times over; then what is no frame at all.
    lab.on(
        SPARE,
        "python3 - <<'END'\n"
            + "import os, socket\n"
            + "for i in range(300):\n"
            + "  s = socket.socket(); s.settimeout(2)\n"
            + "  s.connect(('10.77.0.1', 5679))\n"
            + "  try:\n"
            + "    s.sendall(b'\\x7f\\xff\\xff\\xff' if i % 3 == 0 else"
            + " (b'\\x00\\x00\\x03\\xff' if i % 3 == 1 else os.urandom(4)))\n"
            + "    s.sendall(os.urandom(65536))\n"
            + "    s.recv(1)\n"
            + "  except OSError: pass\n"
            + "  s.close()\n"
            + "END");

    awaitAllReady();
    assertThat(Lab.changes(api, before)).isEmpty();
    assertThat(lab.runs("api-1")).isTrue();
  }

  @Test
  void aProtocolThatHasStoppedWorkingIsStartedAgain() {
    int before = api.lines.size();
    Program broken = lab.member("node-4");
    broken.does("break");
    await().pollDelay(Duration.ofSeconds(2)).until(() -> true);
    broken.does("mend");

    lab.kill("node-3"); // it must see that
    long unused = lab.awaitView("node-4", "api-1", "node-2", "node-4");
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    assertThat(Lab.changes(api, before)).containsOnly("node-3 NOT_READY");
  }

  @Test
  void anIdleMemberTakesLittle() {
    Program member = lab.member("node-2");
    member.does("usage");
    String before = Lab.last(member, "usage");
    await()
        .pollDelay(Duration.ofMillis(Repetition.of(5_000)))
        .atMost(Duration.ofMinutes(5))
        .until(() -> true);
    member.does("usage");
    String after = Lab.last(member, "usage");

    long cpu = Long.parseLong(after.split(" ", -1)[1]) - Long.parseLong(before.split(" ", -1)[1]);
    long heap = Long.parseLong(after.split(" ", -1)[2]);
    LOG.info(
        "measured: idle member: {} ms CPU per s, {} KB heap",
        cpu * 1000 / Repetition.of(5_000),
        heap);
    assertThat(heap).isLessThan(64 << 10);
  }
}
