package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs {@code qemu-img} with typed options, formats always stated. The caller has shown every image to
 * the gate before: a stated format alone does not keep {@code qemu-img} from opening what it names.
 */
final class QemuImg {
  private static final Duration VERSION_LIMIT = Duration.ofSeconds(5);
  private static final Duration HEARTBEAT = Duration.ofMillis(200);
  private static final Duration DEATH_LIMIT = Duration.ofSeconds(5);
  private static final Duration LONGEST = Duration.ofDays(1);
  private static final Pattern VERSION = Pattern.compile("qemu-img version (\\S+)");
  private static final Pattern PROGRESS = Pattern.compile("\\((\\d{1,3}\\.\\d\\d)/100%\\)");

  private final String program;
  private final Duration timeout;

  /**
   * Makes a runner.
   *
   * @param program a name to look up in PATH, or a path
   * @param timeout how long a run may take that does not copy data
   */
  QemuImg(String program, Duration timeout) {
    this.program = program;
    this.timeout = timeout;
  }

  /** Called while qemu-img works; throws to end it. */
  private interface Heartbeat {
    void beat(String output);
  }

  String version() {
    String output = run("qemu-img --version", List.of("--version"), VERSION_LIMIT, text -> {});
    Matcher version = VERSION.matcher(output);
    if (!version.find()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "qemu-img",
          "qemu-img --version: answered " + Rules.quote(output) + " instead of a version");
    }
    return version.group(1);
  }

  void create(Context cx, Path image, ImageFormat format, long sizeBytes) {
    brief(cx, image, "create", "-q", "-f", name(format), image.toString(), size(sizeBytes));
  }

  void createOverlay(Context cx, Path image, Path base, ImageFormat baseFormat, long sizeBytes) {
    brief(
        cx,
        image,
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        base.toString(),
        "-F",
        name(baseFormat),
        image.toString(),
        size(sizeBytes));
  }

  void resize(Context cx, Path image, ImageFormat format, long sizeBytes) {
    brief(cx, image, "resize", "-q", "-f", name(format), image.toString(), size(sizeBytes));
  }

  /** Creates ({@code -c}), reverts to ({@code -a}) or deletes ({@code -d}) a snapshot. */
  void snapshot(Context cx, Path image, String action, String snapshot) {
    brief(cx, image, "snapshot", "-q", action, snapshot, "--image-opts", options(image));
  }

  /** Copies what a guest sees; may take all the time that is left. */
  void convert(Context cx, Path from, ImageFormat fromFormat, Path to, ImageFormat toFormat) {
    List<String> arguments = List.of(
        "convert",
        "-p",
        "-f",
        name(fromFormat),
        "-O",
        name(toFormat),
        from.toString(),
        to.toString());
    Duration limit = least(LONGEST, cx.remaining());
    run(
        subject("convert", from),
        arguments,
        limit,
        output -> cx.progress(fraction(output), "copy"));
  }

  /** Names a file to a command that knows no -f; QEMU splits at commas that are not doubled. */
  static String options(Path image) {
    String filename = image.toString().replace(",", ",,");
    return "driver=qcow2,file.driver=file,file.filename=" + filename;
  }

  static double fraction(String output) {
    Matcher matcher = PROGRESS.matcher(output);
    double percent = 0;
    while (matcher.find()) {
      percent = Double.parseDouble(matcher.group(1));
    }
    return Math.min(1, percent / 100);
  }

  private void brief(Context cx, Path image, String command, String... rest) {
    List<String> arguments = new ArrayList<>();
    arguments.add(command);
    arguments.addAll(List.of(rest));
    Duration limit = least(timeout, cx.remaining());
    run(subject(command, image), arguments, limit, output -> cx.progress(0, command));
  }

  private String run(
      String operation, List<String> arguments, Duration limit, Heartbeat heartbeat) {
    Process process = start(operation, arguments);
    try {
      CappedOutput output = CappedOutput.of(process.getInputStream(), operation);
      CappedOutput errors = CappedOutput.of(process.getErrorStream(), operation);
      await(process, operation, limit, () -> heartbeat.beat(output.text()));
      output.finish(DEATH_LIMIT);
      errors.finish(DEATH_LIMIT);
      if (process.exitValue() != 0) {
        throw new QemuImgException(operation, process.exitValue(), errors.text());
      }
      return output.text();
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      end(process);
    }
  }

  private Process start(String operation, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(program);
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(new File("/")).redirectInput(new File("/dev/null"));
    Map<String, String> environment = builder.environment();
    String path = environment.getOrDefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    environment.clear();
    environment.put("PATH", path);
    environment.put("LC_ALL", "C");
    try {
      return builder.start();
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "qemu-img",
          operation + ": cannot start " + Rules.quote(program) + ", install qemu-utils: "
              + e.getMessage(),
          e);
    }
  }

  private static void await(Process process, String operation, Duration limit, Runnable beat)
      throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    while (true) {
      long left = deadline - System.nanoTime();
      if (process.waitFor(Math.min(left, HEARTBEAT.toNanos()), TimeUnit.NANOSECONDS)) {
        return;
      }
      if (left <= 0) {
        throw new OperationTimeoutException(operation, limit);
      }
      beat.run();
    }
  }

  /** A run that was given up must not write on behind the back of the next one. */
  private static void end(Process process) {
    if (!process.isAlive()) {
      return;
    }
    process.destroyForcibly();
    boolean interrupted = Thread.interrupted();
    try {
      process.waitFor(DEATH_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Duration least(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static String subject(String command, Path image) {
    return "qemu-img " + command + " " + Rules.quote(image.toString());
  }

  private static String name(ImageFormat format) {
    return format.name().toLowerCase(Locale.ROOT);
  }

  private static String size(long bytes) {
    return Long.toString(bytes);
  }
}
