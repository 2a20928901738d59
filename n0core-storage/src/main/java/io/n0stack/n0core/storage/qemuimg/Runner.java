package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** Runs command lines in confinement and judges how they ended. */
final class Runner {
  // qemu-img times itself to choose a number of iterations, and gives up if the clock is too
  // coarse.
  private static final String UNMEASURED = "Unable to get accurate CPU usage";
  private static final int MOST_ATTEMPTS = 20;
  private static final Pattern CHAIN =
      Pattern.compile("\\A(setsid|setpriv|unshare|chroot|mount|mkdir|/?sh|\\S*/sh|sh: \\d+): ");

  private final Confinement confinement;

  Runner(Confinement confinement) {
    this.confinement = confinement;
  }

  /** How a run ended. */
  record Ended(String operation, int exitCode, String output, String errors) {}

  /** Runs and expects success. */
  Ended run(Arguments arguments, Run run) {
    return run(arguments, run, Set.of(0));
  }

  Ended run(Arguments arguments, Run run, Set<Integer> expected) {
    String operation = operation(arguments);
    long deadline = System.nanoTime() + run.limit().toNanos();
    for (int attempt = 1; ; attempt++) {
      Arguments.Line line = arguments.line();
      try {
        Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
        return execute(
            operation,
            () -> confinement.trusted(line.arguments()),
            line.input(),
            new Run(attempt == 1 ? run.limit() : atLeastOne(left), run.progress()),
            expected);
      } catch (QemuImgException e) {
        if (!e.stderr().contains(UNMEASURED) || attempt == MOST_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  Ended runForeign(Arguments arguments, Path source, Optional<Path> target, Run run) {
    return execute(
        operation(arguments),
        () -> confinement.foreign(source, target, arguments.line().arguments()),
        new byte[0],
        run,
        Set.of(0));
  }

  String version(Run run) {
    return execute(
            "qemu-img --version",
            () -> confinement.trusted(List.of("--version")),
            new byte[0],
            run,
            Set.of(0))
        .output();
  }

  private Ended execute(
      String operation,
      Supplier<List<String>> command,
      byte[] input,
      Run run,
      Set<Integer> expected) {
    try {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      return started(operation, command.get(), input, run, expected);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      Arrays.fill(input, (byte) 0);
    }
  }

  private Ended started(
      String operation, List<String> command, byte[] input, Run run, Set<Integer> expected)
      throws InterruptedException {
    Consumer<String> beat = output -> run.progress().at(Answers.fraction(output));
    try (Child child = Child.start(operation, confinement, command, input)) {
      int code = child.await(run.limit(), beat);
      if (!expected.contains(code)
          || (code != 0 && CHAIN.matcher(child.errors()).find())) {
        throw failure(operation, code, child.errors());
      }
      return new Ended(operation, code, child.output(), child.errors());
    }
  }

  private static N0Exception failure(String operation, int code, String errors) {
    if (CHAIN.matcher(errors).find()) {
      return new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "qemu-img",
          operation + ": cannot be confined, so it was not run: " + Rules.quote(errors.strip()));
    }
    return new QemuImgException(operation, code, errors);
  }

  private static String operation(Arguments arguments) {
    return "qemu-img " + arguments.command() + " " + Rules.quote(arguments.subject());
  }

  private static Duration atLeastOne(Duration left) {
    Duration least = Duration.ofMillis(1);
    return left.compareTo(least) < 0 ? least : left;
  }
}
