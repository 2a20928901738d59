package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;

/** A Linux guest that is moved to and fro, by two drivers and by a script over QMP. */
final class MigrationFigures {
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final Duration DOWNTIME = Duration.ofMillis(20);
  private static final int ROUNDS = 60;
  private static final int WARM_UP = 20;
  private static final double MICROS = 1e3;
  private static final String APPEND = "console=ttyS0 quiet panic=-1";

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final Path guest;
  private final QemuMachineDriver left;
  private final QemuMachineDriver right;

  private final Path events;

  private MigrationFigures(Path memory, Path guest) {
    this.guest = guest;
    left = driver(memory.resolve("l"));
    right = driver(memory.resolve("r"));
    events = memory.resolve("e");
  }

  /** Memory has no fsync to wait for: what that takes is the disk's figure. */
  static List<Figure> measure(Path scratch, Path memory) throws Exception {
    Path guest = Path.of(System.getProperty("user.home"), ".cache", "n0core", "guest");
    String unused = Peer.run("examples/guest/mkguest", guest.toString());
    return new MigrationFigures(memory, guest).figures(Files.createDirectory(scratch.resolve("g")));
  }

  private static QemuMachineDriver driver(Path directory) {
    return new QemuMachineDriver(KvmConfig.of(directory).withAccelerator(Accelerator.TCG));
  }

  private List<Figure> figures(Path scratch) throws Exception {
    try {
      boot();
      Path arguments = scratch.resolve("arguments");
      Files.write(arguments, arguments());
      return against(Peer.start(List.of(
          "python3",
          "examples/benchmarks/peers/migrate.py",
          scratch.toString(),
          arguments.toString())));
    } finally {
      left.delete(new Now(), id);
      right.delete(new Now(), id);
    }
  }

  private List<Figure> against(Process script) throws Exception {
    try (BufferedReader answers = script.inputReader();
        Writer questions = script.outputWriter()) {
      expect(answers, "ready");
      return rounds(questions, answers);
    } finally {
      script.waitFor();
    }
  }

  /** The command line of the machine's QEMU, for another to be made in its likeness: what QEMU needs is its own affair. */
  private List<String> arguments() throws IOException {
    MachineStatus status = seen();
    Path run = status.serialLog().resolveSibling("");
    Path file = Path.of("/proc", String.valueOf(status.pid().orElseThrow()), "cmdline");
    return Arrays.stream(Files.readString(file).split("\0"))
        .map(word -> word.replace("unix:" + events, "unix:@DIRECTORY@/events"))
        .map(word -> word.replace(run.toString(), "@DIRECTORY@"))
        .toList();
  }

  private MachineStatus seen() throws IOException {
    if (left.observe(id) instanceof Observed.Present<MachineStatus> seen) {
      return seen.status();
    }
    throw new IOException("the machine is not there");
  }

  private static void expect(BufferedReader answers, String word) throws IOException {
    String line = answers.readLine();
    if (!word.equals(line)) {
      throw new IOException("the script said " + line + ", not " + word);
    }
  }

  private void boot() throws Exception {
    left.apply(
        new Now(),
        id,
        MachineSpec.builder(1, 192 << 20)
            .firmware(new Firmware.Kernel(
                guest.resolve("kernel"), Optional.of(guest.resolve("initrd")), APPEND))
            // The one that comes takes the path over from the one that leaves, which is connected
            // to by then.
            .hardware(Hardware.standard()
                .withRawArguments(List.of("-qmp", "unix:" + events + ",server=on,wait=off")))
            .build());
    Path log = seen().serialLog();
    while (!Files.readString(log).contains("N0: READY")) {
      Thread.sleep(50);
    }
  }

  private List<Figure> rounds(Writer questions, BufferedReader answers) throws Exception {
    double[][] ours = new double[2][ROUNDS];
    double[][] theirs = new double[2][ROUNDS];
    Standstill here = new Standstill(events);
    try {
      for (int round = -WARM_UP; round < ROUNDS; round++) {
        double[] mine = new double[2];
        Standstill there =
            round % 2 == 0 ? move(left, right, here, mine) : move(right, left, here, mine);
        here.close();
        here = there;
        questions.write(DOWNTIME.toMillis() + "\n");
        questions.flush();
        String[] words = String.valueOf(answers.readLine()).split(" ");
        if (words.length != 2) {
          throw new IOException("the script said " + List.of(words));
        }
        for (int i = 0; i < 2 && round >= 0; i++) {
          ours[i][round] = mine[i];
          theirs[i][round] = Double.parseDouble(words[i]);
        }
      }
    } finally {
      here.close();
    }
    return List.of(
        figure("kvm: live migration, wall over a script", 1.1, ours[0], theirs[0]),
        figure("kvm: live migration, downtime over a script", 1.2, ours[1], theirs[1]));
  }

  private static Figure figure(String what, double bound, double[] ours, double[] theirs) {
    double mine = Rounds.median(ours);
    double other = Rounds.median(theirs);
    return new Figure(
        what,
        mine / other,
        "x",
        bound,
        Direction.AT_MOST,
        String.format(Locale.ROOT, "ours %.1f ms, script %.1f ms", mine / MICROS, other / MICROS));
  }

  /**
   * Says how many microseconds it took from the first command until the guest ran, and how many the guest stood still.
   * Returns what the machine's new QEMU is heard by.
   */
  private Standstill move(
      QemuMachineDriver from, QemuMachineDriver to, Standstill here, double[] micros)
      throws Exception {
    Migration source = from.capability(Migration.class).orElseThrow();
    Migration target = to.capability(Migration.class).orElseThrow();
    target.expect(source.offer(id));
    MigrationTerms terms = target.prepare(new Now(), id, MigrationReception.unix());
    MigrationOptions options = MigrationOptions.usual().withMostDowntime(DOWNTIME);
    Standstill there = new Standstill(events);
    Instant begin = Instant.now();
    MigrationReport report = source.migrate(new Now(), id, terms, options, new MigrationTarget() {
      @Override
      public Verdict takeOver(ResourceId machine, MigrationRelease release) {
        return target.takeOver(new Now(), machine, release);
      }

      @Override
      public Verdict refuse(ResourceId machine, UUID token) {
        return target.refuse(new Now(), machine, token);
      }
    });
    if (report.transferredBytes() == 0) {
      throw new IOException("nothing was sent");
    }
    Instant resumed = there.at("RESUME");
    micros[0] = Duration.between(begin, resumed).toNanos() / MICROS;
    micros[1] = Duration.between(here.at("STOP"), resumed).toNanos() / MICROS;
    return there;
  }

  /** An operation without an agent. */
  private static final class Now implements Context {
    @Override
    public <R> R step(String name, Step<R> body) {
      try {
        return body.run();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(name, e);
      }
    }

    @Override
    public void step(String name, Action body) {
      step(name, () -> {
        body.run();
        return name;
      });
    }

    @Override
    public void progress(double fraction, String message) {}

    @Override
    public Duration remaining() {
      return LIMIT;
    }

    @Override
    public <T> T require(String kind, String name, Class<T> status) {
      throw new IllegalStateException("the machine needs no " + kind + " " + Rules.quote(name));
    }

    @Override
    public <C> Optional<C> capability(String kind, Class<C> type) {
      return Optional.empty();
    }
  }
}
