package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/**
 * Two agents in one process that change many machines at once, each over and over in one way, until they are
 * killed. What is about to be done to a machine is said before, and that it is done, after.
 */
final class ManyMutations {
  private static final long SLOW_BYTES_PER_SECOND = 400_000;
  private static final int MOST_AT_ONCE = 3;
  private static final int GROWS_ONE_OF = 3;

  /** A way in which a machine is changed, over and over. */
  enum Way {
    POWER,
    DEVICES,
    PAUSE,
    SNAPSHOT,
    MIGRATE
  }

  /** What is done to a machine. */
  enum Mutation {
    BOOT,
    REBOOT,
    OFF,
    PLUG,
    UNPLUG,
    GROW,
    SHRINK,
    RESET,
    PAUSE,
    RESUME,
    TAKE_DISKS,
    TAKE_MEMORY,
    REVERT,
    FORGET,
    MIGRATE
  }

  private final Lanes lanes;
  private final Map<String, QemuMachineDriver> drivers;
  private final int lane;
  private final ResourceId id;
  private final Random random;
  private final Set<String> names = new TreeSet<>();
  private String host;

  private ManyMutations(Lanes lanes, Map<String, QemuMachineDriver> drivers, String[] order) {
    this.lanes = lanes;
    this.drivers = drivers;
    lane = Integer.parseInt(order[0]);
    id = lanes.id(lane);
    host = order[2];
    random = new Random(Long.parseLong(order[3]));
    names.addAll(List.of(order).subList(4, order.length));
  }

  /** Reads orders {@code LANE WAY HOST SEED PART…} up to an empty line, and obeys all at once. */
  public static void main(String[] arguments) throws IOException {
    Lanes lanes = Lanes.existing(Path.of(arguments[0]));
    Map<String, QemuMachineDriver> drivers =
        Map.of("left", lanes.open("left"), "right", lanes.open("right"));
    Lanes.on("left", drivers)
        .observe(lanes.id(Integer.parseInt(arguments[1]))); // loads most classes
    say("ready");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    List<Thread> all = new ArrayList<>();
    for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
      String[] order = line.split(" ");
      ManyMutations mutations = new ManyMutations(lanes, drivers, order);
      all.add(new Thread(() -> mutations.go(Way.valueOf(order[1]))));
    }
    say("go");
    all.forEach(Thread::start);
  }

  private static void say(String line) {
    synchronized (System.out) {
      System.out.println(line);
    }
  }

  private void go(Way way) {
    try {
      for (int i = 0; true; i++) {
        switch (way) {
          case POWER -> {
            if (random.nextBoolean()) {
              power(Mutation.REBOOT, PowerAction.REBOOT);
            } else {
              power(Mutation.OFF, PowerAction.HARD_SHUTDOWN);
              if (names.removeIf(Lanes::isMore)) {
                mutate(Mutation.SHRINK, this::apply);
              }
              power(Mutation.BOOT, PowerAction.BOOT);
            }
          }
          case PAUSE -> {
            power(Mutation.PAUSE, PowerAction.PAUSE);
            power(Mutation.RESUME, PowerAction.RESUME);
          }
          case DEVICES -> {
            if (names.containsAll(Lanes.MORE) || random.nextInt(GROWS_ONE_OF) > 0) {
              devices();
            } else {
              grow();
            }
          }
          case SNAPSHOT -> snapshot("s" + i);
          case MIGRATE -> migrate();
        }
      }
    } catch (N0Exception e) {
      say("failed " + lane + " " + e.toString().replace('\n', ' '));
    }
  }

  private void mutate(Mutation mutation, Runnable body) {
    say("begin " + lane + " " + mutation + " " + host + " " + String.join(" ", names));
    body.run();
    say("end " + lane);
  }

  private void power(Mutation mutation, PowerAction action) {
    mutate(mutation, () -> driver().power(lanes.cx(host, lane), id, action));
  }

  private QemuMachineDriver driver() {
    return Lanes.on(host, drivers);
  }

  private void grow() {
    List<String> missing =
        Lanes.MORE.stream().filter(name -> !names.contains(name)).toList();
    boolean unused = names.addAll(missing.subList(0, 1 + random.nextInt(missing.size())));
    mutate(Mutation.GROW, this::apply);
  }

  private void devices() {
    Set<String> before = Set.copyOf(names);
    int parts = names.size() - Lanes.grown(names);
    boolean plug = parts == 1 || (parts < Lanes.PARTS.size() && random.nextBoolean());
    List<String> candidates = new ArrayList<>(Lanes.PARTS);
    candidates.remove(Lanes.FIRST);
    candidates.removeIf(name -> names.contains(name) == plug);
    java.util.Collections.shuffle(candidates, random);
    int count = Math.min(candidates.size(), 1 + random.nextInt(MOST_AT_ONCE));
    for (String name : candidates.subList(0, count)) {
      boolean unused = plug ? names.add(name) : names.remove(name);
    }
    try {
      mutate(plug ? Mutation.PLUG : Mutation.UNPLUG, this::apply);
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.BUSY) {
        throw e;
      }
      power(Mutation.RESET, PowerAction.HARD_REBOOT); // which releases what the guest keeps
      org.awaitility.Awaitility.await()
          .until(() -> Host.present(driver(), id).unplugging().isEmpty());
      mutate(plug ? Mutation.PLUG : Mutation.UNPLUG, this::apply);
    }
    if (names.equals(before)) {
      throw new IllegalStateException("nothing was changed");
    }
  }

  private void apply() {
    driver().apply(lanes.cx(host, lane), id, lanes.spec(names));
  }

  private void snapshot(String name) {
    MachineSnapshots snapshots = driver().capability(MachineSnapshots.class).orElseThrow();
    Content content = random.nextBoolean() ? Content.MEMORY : Content.DISKS;
    mutate(
        content == Content.MEMORY ? Mutation.TAKE_MEMORY : Mutation.TAKE_DISKS,
        () -> snapshots.takeSnapshot(lanes.cx(host, lane), id, name, content));
    if (content == Content.MEMORY && random.nextBoolean()) {
      mutate(Mutation.REVERT, () -> snapshots.revertToSnapshot(lanes.cx(host, lane), id, name));
    }
    mutate(Mutation.FORGET, () -> snapshots.deleteSnapshot(lanes.cx(host, lane), id, name));
  }

  private void migrate() {
    String to = Lanes.other(host);
    mutate(Mutation.MIGRATE, () -> {
      Migration source = driver().capability(Migration.class).orElseThrow();
      Migration target = Lanes.on(to, drivers).capability(Migration.class).orElseThrow();
      target.expect(source.offer(id));
      MigrationTerms terms = target.prepare(lanes.cx(to, lane), id, MigrationReception.unix());
      // Slow enough for a good part of the kills to hit the memory on its way.
      MigrationOptions options = random.nextBoolean()
          ? MigrationOptions.usual()
          : MigrationOptions.usual().withMostBytesPerSecond(SLOW_BYTES_PER_SECOND);
      MigrationReport unused = source.migrate(
          lanes.cx(host, lane), id, terms, options, TwoHosts.direct(target, lanes.cx(to, lane)));
    });
    host = to;
  }
}
