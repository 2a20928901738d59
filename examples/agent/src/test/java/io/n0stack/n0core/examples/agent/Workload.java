package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/** Orders for one machine, one after the other, and what must be true after each. */
final class Workload {
  private static final PowerPolicy[] POLICIES = PowerPolicy.values();

  private final Random random;
  private Model known;
  private Optional<Order> inFlight = Optional.empty();
  private boolean unsure;
  private int orders;

  Workload(String name, long seed) {
    random = new Random(seed);
    known = Model.nothing(name);
  }

  /**
   * An order.
   *
   * @param text what the agent is told
   * @param after what is true when it is done
   * @param between what else the machine may be doing if the agent dies over it
   * @param lingers whether the guest may obey only after the agent's death
   */
  private record Order(String text, Model after, Set<String> between, boolean lingers) {
    Order(String text, Model after) {
      this(text, after, Set.of(), false);
    }
  }

  String name() {
    return known.name();
  }

  Model known() {
    return known;
  }

  int orders() {
    return orders;
  }

  boolean busy() {
    return inFlight.isPresent();
  }

  /** Tells whether the order in flight is one that an agent must not repeat. */
  boolean acting() {
    return inFlight.filter(order -> !order.text().matches("(apply|delete).*")).isPresent();
  }

  /** Chooses the next order, which is in flight from now on. */
  String next() {
    List<Order> possible = possible();
    Order order = possible.get(random.nextInt(possible.size()));
    inFlight = Optional.of(order);
    orders++;
    return order.text();
  }

  /** The order in flight was carried out: from now on it must hold. */
  void acknowledged() {
    Order order = inFlight.orElseThrow();
    known = order.after();
    unsure = false;
    inFlight = Optional.empty();
  }

  /** Compares with what the agent that came after a death says, which then is what is known. */
  void check(Answer answer) {
    Model seen = Model.seen(name(), answer);
    Model after = inFlight.map(Order::after).orElse(known);
    Set<String> between = new HashSet<>(inFlight.map(Order::between).orElse(Set.of()));
    unsure |= inFlight.filter(Order::lingers).isPresent();
    if (unsure) {
      between.addAll(Set.of(Model.RUNNING, Model.SHUTDOWN, Model.CRASHED));
    }
    Model.requireEither(unsure ? known.doing(known.state()) : known, after, between, seen);
    known = seen;
    inFlight = Optional.empty();
  }

  String inFlight() {
    return inFlight.map(Order::text).orElse("nothing");
  }

  private List<Order> possible() {
    List<Order> orders = new ArrayList<>();
    if (!Model.KINDS.stream().allMatch(known::has)) {
      incomplete(orders);
      return orders;
    }
    orders.add(delete());
    PowerPolicy policy = known.setup().policy();
    if (unsure) {
      // Only what works whatever the guest does in the meantime.
      if (policy != PowerPolicy.ALWAYS_ON) {
        orders.add(power("HARD_SHUTDOWN", known.doing(Model.SHUTDOWN).withPid("-")));
      }
      return orders;
    }
    Setup same = known.setup();
    orders.add(new Order("apply " + same, known.applied(same)));
    Setup other = same.with(POLICIES[random.nextInt(POLICIES.length)]);
    orders.add(new Order("apply-one " + other + " machine", known.applied(other)));
    if (known.off()) {
      off(orders);
    } else {
      on(orders, policy);
    }
    return orders;
  }

  private Order delete() {
    Model gone = Model.nothing(name()).inPlace(known.state());
    return new Order("delete " + known.setup(), gone.withPid(known.pid()));
  }

  /** What is there may be completed or deleted. */
  private void incomplete(List<Order> orders) {
    Setup fresh = known.setup();
    if (!known.has("machine")) {
      int memory = 16 + 8 * random.nextInt(4);
      PowerPolicy policy = POLICIES[random.nextInt(POLICIES.length)];
      fresh = new Setup(name(), memory, policy, fresh.diskMib());
    }
    orders.add(new Order("apply " + fresh, known.applied(fresh)));
    if (!known.specs().isEmpty() && random.nextInt(3) == 0) {
      orders.add(delete());
    }
  }

  private void on(List<Order> orders, PowerPolicy policy) {
    boolean running = known.state().equals(Model.RUNNING);
    Model resumed = known.inPlace(Model.RUNNING);
    orders.add(power("HARD_REBOOT", resumed));
    orders.add(running ? power("PAUSE", known.inPlace(Model.PAUSED)) : power("RESUME", resumed));
    if (running) {
      String reboot = "power " + name() + " REBOOT";
      orders.add(new Order(reboot, known.doing(Model.RUNNING), Set.of(), true));
    }
    if (policy != PowerPolicy.ALWAYS_ON) {
      Model off = known.doing(Model.SHUTDOWN).withPid("-");
      orders.add(power("HARD_SHUTDOWN", off));
      if (running) {
        orders.add(new Order("power " + name() + " SHUTDOWN", off, Set.of(), true));
      }
    }
  }

  private void off(List<Order> orders) {
    // A launch that did not come up is a crash, which the policy may leave as it is.
    Set<String> failed = Set.of(Model.CRASHED);
    orders.add(new Order("power " + name() + " BOOT", known.doing(Model.RUNNING), failed, false));
    if (!known.pid().equals("-")) {
      orders.add(power("HARD_SHUTDOWN", known.withPid("-")));
      return; // its QEMU still holds the volume
    }
    Setup setup = known.setup();
    Setup grown = new Setup(name(), setup.memoryMib(), setup.policy(), setup.diskMib() + 16);
    orders.add(new Order(
        "apply-one " + grown + " volume",
        known.withSpec("volume", String.valueOf(grown.diskMib()))));
    String fresh = "s" + orders();
    Set<String> more = new HashSet<>(known.snapshots());
    more.add(fresh);
    orders.add(new Order("snapshot " + setup.volume() + " " + fresh, known.withSnapshots(more)));
    known.snapshots().stream().sorted().findFirst().ifPresent(old -> {
      Set<String> fewer = new HashSet<>(known.snapshots());
      fewer.remove(old);
      orders.add(new Order("unsnapshot " + setup.volume() + " " + old, known.withSnapshots(fewer)));
    });
  }

  private Order power(String action, Model after) {
    return new Order("power " + name() + " " + action, after);
  }
}
