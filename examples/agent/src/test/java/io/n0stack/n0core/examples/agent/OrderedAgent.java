package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Phase;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.awaitility.core.ConditionTimeoutException;

/**
 * An agent in a process of its own that does what it reads from its standard input, and says on its
 * standard output what is done, so that whoever kills it knows what it had promised.
 *
 * <p>An order is {@code NUMBER LANE VERB ARGUMENT…}; orders of one lane are done one after the other.
 * Answers are {@code NUMBER is …}, as many as needed, and then {@code NUMBER done} or {@code NUMBER
 * failed CODE MESSAGE}.
 */
public final class OrderedAgent {
  // Less than the patience of whoever waits for the answer, so that he hears why.
  private static final Duration LIMIT = Duration.ofSeconds(90);

  private final Path home;
  private final Agent agent;

  private OrderedAgent(Path home, Agent agent) {
    this.home = home;
    this.agent = agent;
  }

  /**
   * Works until its standard input ends.
   *
   * @param args the directory of its state, and configuration of the drivers as KEY=VALUE
   * @throws IOException if it cannot read
   */
  public static void main(String[] args) throws IOException {
    Path home = Path.of(args[0]);
    Map<String, String> config = new HashMap<>(Map.of(
        "kvm.directory", home + "/data/kvm",
        "storage.directory", home + "/data/volumes",
        "kvm.accelerator", "tcg"));
    Arrays.stream(args)
        .skip(1)
        .map(arg -> arg.split("=", 2))
        .forEach(pair -> config.put(pair[0], pair[1]));
    AgentOptions options = AgentOptions.defaults().withTick(Duration.ofMillis(500));
    say("opening");
    try (Agent agent =
        Agent.open(home.resolve("data/agent"), DriverPlugin.drivers(config), options)) {
      Recovery found = agent.recovery();
      say("recovered unknown=" + found.unknown().keySet() + " orphans=" + found.orphans()
          + " quarantined=" + found.quarantined() + " indeterminate=" + found.indeterminate());
      found.indeterminate().forEach(agent::acknowledge); // the test has looked, once it orders
      new OrderedAgent(home, agent).obey();
    } catch (N0Exception e) {
      say("refused " + e.code() + " " + e.getMessage());
      throw e;
    }
    say("closed");
  }

  private void obey() throws IOException {
    Map<String, ExecutorService> lanes = new HashMap<>();
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] order = line.split(" ", -1);
      lanes
          .computeIfAbsent(order[1], lane -> Executors.newSingleThreadExecutor())
          .execute(() -> answer(order[0], List.of(order).subList(2, order.length)));
    }
    lanes.values().forEach(ExecutorService::shutdown);
  }

  private void answer(String number, List<String> order) {
    try {
      obey(number, order);
      say(number + " done");
    } catch (N0Exception e) {
      say(number + " failed " + e.code() + " " + String.valueOf(e.getMessage()).replace('\n', ' '));
    } catch (ConditionTimeoutException e) {
      say(number + " failed TIMEOUT " + agent.resources().toString().replace('\n', ' '));
    }
  }

  private void obey(String number, List<String> order) {
    String argument = order.size() > 1 ? order.get(1) : "";
    switch (order.get(0)) {
      case "apply" -> agent.apply(Setup.parse(argument).bundle(home));
      case "delete" -> agent.delete(Setup.parse(argument).bundle(home));
      case "apply-one" -> {
        Setup setup = Setup.parse(argument);
        String kind = order.get(2);
        agent.apply(kind, setup.name(kind), setup.spec(kind, home)).await(LIMIT);
      }
      case "power" -> {
        PowerAction action = PowerAction.valueOf(order.get(2));
        Agent.Action<Power, Boolean> press = (power, cx, id) -> {
          power.power(cx, id, action);
          return true;
        };
        agent.act("machine", argument, "power-" + action, Power.class, press).await(LIMIT);
      }
      case "snapshot" ->
        snapshots("snapshot", argument, (snapshots, cx, id) -> {
          snapshots.createSnapshot(cx, id, order.get(2));
          return true;
        });
      case "unsnapshot" ->
        snapshots("unsnapshot", argument, (snapshots, cx, id) -> {
          snapshots.deleteSnapshot(cx, id, order.get(2));
          return true;
        });
      case "settle" -> {
        IsolatedHost.soon("what is on record").atMost(LIMIT).until(this::settled);
        report(number);
      }
      case "look" -> report(number);
      case "adopt" -> {
        Setup setup = Setup.parse(argument);
        ResourceId orphan = agent.orphans().iterator().next();
        agent.adopt(orphan, setup.spec(orphan.kind(), home)).await(LIMIT);
      }
      default -> throw N0Exception.invalid("order", order, "must be known");
    }
  }

  private void report(String number) {
    agent.resources().forEach(resource -> say(number + " is " + describe(resource)));
    agent
        .orphans()
        .forEach(id -> say(
            number + " is orphan/" + id.kind() + "/" + id.name() + " " + id.uid() + " - - - - -"));
  }

  private void snapshots(String verb, String volume, Agent.Action<Snapshots, Boolean> action) {
    agent.act("volume", volume, verb, Snapshots.class, action).await(LIMIT);
  }

  private boolean settled() {
    return agent.resources().stream()
        .allMatch(resource -> resource.phase() == Phase.READY
            && look(resource) instanceof Observed.Present<?> present
            && present.complete());
  }

  private Observed<Object> look(Resource resource) {
    return agent.observe(resource.id().kind(), resource.id().name(), Object.class);
  }

  /** Returns {@code KIND/NAME UID PHASE SEEN STATE PID SPEC}. */
  private String describe(Resource resource) {
    ResourceId id = resource.id();
    Observed<Object> seen = look(resource);
    String how = "UNKNOWN";
    String state = "-";
    String pid = "-";
    if (seen instanceof Observed.Absent) {
      how = "ABSENT";
    } else if (seen instanceof Observed.Present<Object> present) {
      how = present.complete() ? "COMPLETE" : "INCOMPLETE";
      if (present.status() instanceof MachineStatus machine) {
        state = machine.state().name();
        pid = machine.pid().map(String::valueOf).orElse("-");
      } else if (present.status() instanceof VolumeStatus volume && present.complete()) {
        state = String.join(",", Qcow2Header.snapshotNames(volume.path())) + "-";
      }
    }
    return String.join(
        " ",
        id.kind() + "/" + id.name(),
        id.uid().toString(),
        resource.phase().name(),
        how,
        state,
        pid,
        text(resource));
  }

  /** Returns what may differ between specs of one kind, having checked that nothing else does. */
  private String text(Resource resource) {
    String name = resource.id().name().replaceAll("-(lan|eth0|root)$", "");
    Setup usual = Setup.parse(name + ":1:MANUAL:16");
    String text = "-";
    if (resource.spec() instanceof MachineSpec machine) {
      int mib = (int) (machine.memoryBytes() >> 20);
      usual = new Setup(name, mib, machine.powerPolicy(), usual.diskMib());
      text = mib + ":" + machine.powerPolicy();
    } else if (resource.spec() instanceof VolumeSpec volume) {
      int mib = (int) (volume.sizeBytes().orElse(0L) >> 20);
      usual = new Setup(name, 1, usual.policy(), mib);
      text = String.valueOf(mib);
    }
    boolean right = usual.spec(resource.id().kind(), home).equals(resource.spec());
    return right ? text : "WRONG " + resource.spec();
  }

  private static void say(String line) {
    synchronized (System.out) {
      System.out.println(line);
      System.out.flush();
    }
  }
}
