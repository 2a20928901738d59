package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Event;
import io.n0stack.n0core.agent.Indeterminate;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.agent.Operation.State;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A machine goes from one agent to another, each with a store of its own: one operation of either. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class AgentMigrationIT {
  private static final Duration LIMIT = SendingAgent.LIMIT;
  private static final long MEMORY = 1L << 30;
  // Some seconds for the zeros of that.
  private static final long RATE = 1 << 20;
  // So slow that who comes back after a death still finds it on its way.
  private static final long SLOW = 100_000;
  private static final Pattern VERB = Pattern.compile("\"verb\"\\s*:\\s*\"([^\"]*)\"");
  private static final String SETTLE = "settle";

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MachineSpec spec;
  private Agent source;
  private Agent target;

  @BeforeEach
  void start() throws IOException {
    TwoHosts nobody = new TwoHosts(directory);
    spec = nobody.left.nano(Chipset.PC, Accelerator.TCG, MEMORY).build();
    source = SendingAgent.open(nobody.left);
    target = SendingAgent.open(nobody.right);
    ResourceId id = source.apply("machine", "web1", spec).await(LIMIT);
    hosts = TwoHosts.existing(directory, id);
  }

  @AfterEach
  void nothingIsLeft() {
    source.close();
    target.close();
    hosts.cleanUp();
  }

  /** What the program around the agents does before: the place is taken, and an emulator waits. */
  private MigrationTerms received() {
    MigrationOffer offer = act(source, "offer", (migration, machine) -> migration.offer(machine));
    try (QemuMachineDriver driver = TwoHosts.open(hosts.right)) {
      TwoHosts.migration(driver).expect(offer);
    }
    assertThat(target.orphans()).containsExactly(hosts.id);
    assertThat(target.adopt(offer.machine(), offer.spec()).await(LIMIT)).isEqualTo(hosts.id);
    return receivedAgain();
  }

  private MigrationTerms receivedAgain() {
    return target
        .act(
            "machine",
            "web1",
            "receive",
            Migration.class,
            (migration, cx, machine) -> migration.prepare(cx, machine, MigrationReception.unix()))
        .await(LIMIT);
  }

  private interface Asked<R> {
    R of(Migration migration, ResourceId machine);
  }

  private static <R> R act(Agent agent, String verb, Asked<R> asked) {
    return agent
        .act(
            "machine",
            "web1",
            verb,
            Migration.class,
            (migration, cx, machine) -> asked.of(migration, machine))
        .await(LIMIT);
  }

  private static Phase phase(Agent agent) {
    return act(agent, "phase", Migration::phase);
  }

  /** The way to the target's agent, whichever it is by then. */
  private MigrationTarget way() {
    return new MigrationTarget() {
      @Override
      public Verdict takeOver(ResourceId machine, MigrationRelease release) {
        return target
            .act(
                machine.kind(),
                machine.name(),
                "take over",
                Migration.class,
                (migration, cx, id) -> migration.takeOver(cx, id, release))
            .await(LIMIT);
      }

      @Override
      public Verdict refuse(ResourceId machine, UUID token) {
        return target
            .act(
                machine.kind(),
                machine.name(),
                "refuse",
                Migration.class,
                (migration, cx, id) -> migration.refuse(cx, id, token))
            .await(LIMIT);
      }
    };
  }

  private Verdict settled() {
    return source
        .act(
            "machine",
            "web1",
            SETTLE,
            Migration.class,
            (migration, cx, machine) -> migration.settle(cx, machine, way()))
        .await(LIMIT);
  }

  private static MachineStatus status(Agent agent) {
    Observed<MachineStatus> seen = agent.observe("machine", "web1", MachineStatus.class);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    return ((Observed.Present<MachineStatus>) seen).status();
  }

  private static Queue<Event.Ended> watched(Agent agent, List<Subscription> open) {
    Queue<Event.Ended> ends = new ConcurrentLinkedQueue<>();
    open.add(agent.watch(0, Runnable::run, event -> {
      if (event instanceof Event.Ended ended) {
        ends.add(ended);
      }
    }));
    return ends;
  }

  /** The verbs that are noted durably as begun and not ended. */
  private static List<String> journal(Host host) throws IOException {
    List<String> notes = new ArrayList<>();
    try (Stream<Path> files = Files.walk(host.root.resolveSibling("agent").resolve("records"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Matcher verb = VERB.matcher(Files.readString(file, StandardCharsets.UTF_8));
        if (verb.find()) {
          notes.add(verb.group(1));
        }
      }
    }
    return notes;
  }

  @Test
  void aMachineMovesByOneOperationOfEachAgent() throws Exception {
    List<Subscription> open = new ArrayList<>();
    Queue<Event.Ended> sourceEnds = watched(source, open);
    Queue<Event.Ended> targetEnds = watched(target, open);
    MigrationTerms terms = received();

    Operation<MigrationReport> moving = SendingAgent.send(source, terms, RATE, way());

    await().atMost(LIMIT).until(() -> SendingAgent.sends(moving));
    double early = moving.progress();
    assertThat(journal(hosts.left)).containsExactly("migrate");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source.delete("machine", "web1"))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    await().atMost(LIMIT).until(() -> moving.progress() > early || moving.done().isDone());
    assertThat(moving.await(LIMIT).transferredBytes()).isPositive();
    assertThat(moving.state()).isEqualTo(State.SUCCEEDED);
    await().atMost(LIMIT).until(() -> ended(sourceEnds, "migrate").contains(State.SUCCEEDED));
    await().atMost(LIMIT).until(() -> ended(targetEnds, "take over").contains(State.SUCCEEDED));
    open.forEach(Subscription::close);
    assertThat(journal(hosts.left)).isEmpty();
    assertThat(journal(hosts.right)).isEmpty();
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    MachineStatus there = status(target);
    assertThat(there.state()).isEqualTo(MachineState.RUNNING);
    assertThat(status(source).state()).isEqualTo(MachineState.SHUTDOWN);
    assertThat(status(source).reason()).contains("migration-migrated");

    restartBoth();
    assertThat(source.recovery().adopted()).containsExactly(hosts.id);
    assertThat(target.recovery().adopted()).containsExactly(hosts.id);
    assertThat(status(target).pid()).isEqualTo(there.pid());
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(source.delete("machine", "web1").await(LIMIT)).isEqualTo(hosts.id);
    restartBoth();

    assertThat(source.recovery().adopted()).isEmpty();
    assertThat(source.recovery().orphans()).isEmpty();
    assertThat(source.resources()).isEmpty();
    assertThat(hosts.left.residue()).isEmpty();
    Recovery recovered = target.recovery();
    assertThat(recovered.adopted()).containsExactly(hosts.id);
    assertThat(recovered.orphans()).isEmpty();
    assertThat(recovered.indeterminate()).isEmpty();
    assertThat(status(target).pid()).isEqualTo(there.pid());
    assertThat(hosts.runs(hosts.right)).isTrue();
  }

  private void restartBoth() {
    source.close();
    target.close();
    source = SendingAgent.open(hosts.left);
    target = SendingAgent.open(hosts.right);
  }

  private static List<State> ended(Queue<Event.Ended> ends, String verb) {
    return ends.stream()
        .filter(end -> end.verb().equals(verb))
        .map(Event.Ended::state)
        .toList();
  }

  @Test
  void aMachineWhoseOperationIsCancelledGoesOnAtTheSource() throws Exception {
    List<Subscription> open = new ArrayList<>();
    Queue<Event.Ended> sourceEnds = watched(source, open);
    MachineStatus before = status(source);
    MigrationTerms terms = received();
    Operation<MigrationReport> moving = SendingAgent.send(source, terms, SLOW, way());
    await().atMost(LIMIT).until(() -> SendingAgent.sends(moving));

    assertThat(moving.cancel("not today")).isTrue();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> moving.await(LIMIT))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
    assertThat(moving.state()).isEqualTo(State.CANCELLED);
    await().atMost(LIMIT).until(() -> ended(sourceEnds, "migrate").contains(State.CANCELLED));
    open.forEach(Subscription::close);
    assertThat(journal(hosts.left)).isEmpty();
    assertThat(phase(source)).isEqualTo(Phase.SETTLED);
    assertThat(status(source).pid()).isEqualTo(before.pid());
    assertThat(status(source).state()).isEqualTo(MachineState.RUNNING);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(hosts.right.processes()).isEmpty();
    assertThat(phase(target)).isEqualTo(Phase.REFUSED);
    assertThat(target.delete("machine", "web1").await(LIMIT)).isEqualTo(hosts.id);
    assertThat(hosts.right.residue()).isEmpty();
    assertThat(target.orphans()).isEmpty();
  }

  @Test
  void aSourceThatIsClosedAsItSendsGivesTheMigrationUp() throws Exception {
    MachineStatus before = status(source);
    MigrationTerms terms = received();
    Operation<MigrationReport> moving = SendingAgent.send(source, terms, SLOW, way());
    await().atMost(LIMIT).until(() -> SendingAgent.sends(moving));

    source.close();
    source = SendingAgent.open(hosts.left);

    assertThat(moving.state()).isEqualTo(State.CANCELLED);
    assertThat(source.recovery().adopted()).containsExactly(hosts.id);
    assertReported();
    assertThat(phase(source)).isEqualTo(Phase.SETTLED);
    assertThat(status(source).pid()).isEqualTo(before.pid());
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(phase(target)).isEqualTo(Phase.REFUSED);
    assertThat(hosts.right.processes()).isEmpty();
  }

  /** The agent of the source, in a process of its own, up to where it says something. */
  private Process sentUntil(String said, MigrationTerms terms, long rate) throws IOException {
    Path memory = ((MigrationAddress.Unix) terms.memory()).path();
    source.close();
    Process process = KilledAgentIT.java(
        SendingAgent.class,
        directory.resolve("l").toString(),
        terms.token().toString(),
        memory.toString(),
        String.valueOf(rate));
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = lines.readLine();
    while (line != null && !line.equals(said)) {
      line = lines.readLine();
    }
    assertThat(line).isEqualTo(said);
    return process;
  }

  private void killed(Process process) throws InterruptedException {
    int unused = process.destroyForcibly().waitFor();
    source = SendingAgent.open(hosts.left);
  }

  /** The agent has found that it died, and says so until somebody has looked. */
  private void assertReported() {
    Recovery recovery = source.recovery();
    assertThat(recovery.indeterminate())
        .extracting(Indeterminate::verb, Indeterminate::target)
        .containsExactly(org.assertj.core.api.Assertions.tuple("migrate", hosts.id));
    recovery.indeterminate().forEach(source::acknowledge);
  }

  @Test
  void aSourceThatIsKilledAsItSendsHasTheMachineAgain() throws Exception {
    MachineStatus before = status(source);
    MigrationTerms terms = received();
    killed(sentUntil(SendingAgent.SENDING, terms, SLOW));

    assertReported();
    // By itself, without anybody who settles it.
    await().atMost(LIMIT).until(() -> status(source).reason().isEmpty());
    assertThat(phase(source)).isEqualTo(Phase.SETTLED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(status(source).pid()).isEqualTo(before.pid());
    assertThat(settled()).isEqualTo(Verdict.REFUSED);

    MigrationTerms again = receivedAgain();
    assertThat(
            SendingAgent.send(source, again, Long.MAX_VALUE, way()).await(LIMIT).transferredBytes())
        .isPositive();
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  @Test
  void aSourceThatIsKilledBeforeItHasGivenTheMachineAwayIsSettled() throws Exception {
    MigrationTerms terms = received();
    killed(sentUntil(SendingAgent.TAKE_OVER, terms, RATE));

    assertReported();
    // It has sent all, and cannot know whether the target was told.
    await()
        .atMost(LIMIT)
        .until(() -> status(source).reason().equals(java.util.Optional.of("migration-released")));
    assertThat(hosts.running()).isZero();
    assertThat(settled()).isEqualTo(Verdict.TAKEN);
    assertTaken();
  }

  @Test
  void bothThatDieAsTheMachineIsTakenHaveOneOfItInTheEnd() throws Exception {
    MigrationTerms terms = received();
    Process process = sentUntil(SendingAgent.TAKE_OVER, terms, RATE);
    assertThat(way().takeOver(hosts.id, new MigrationRelease(terms.token(), MachineState.RUNNING)))
        .isEqualTo(Verdict.TAKEN);
    target.close();
    killed(process);
    target = SendingAgent.open(hosts.right);

    assertReported();
    assertThat(target.recovery().adopted()).containsExactly(hosts.id);
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(settled()).isEqualTo(Verdict.TAKEN);
    assertTaken();
  }

  private void assertTaken() {
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(hosts.left.processes()).isEmpty();
    assertThat(phase(source)).isEqualTo(Phase.MIGRATED);
    assertThat(phase(target)).isEqualTo(Phase.SETTLED);
    restartBoth();
    assertThat(source.recovery().indeterminate()).isEmpty();
    assertThat(target.recovery().adopted()).containsExactly(hosts.id);
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(source.delete("machine", "web1").await(LIMIT)).isEqualTo(hosts.id);
    assertThat(hosts.left.residue()).isEmpty();
    assertThat(hosts.runs(hosts.right)).isTrue();
  }
}
