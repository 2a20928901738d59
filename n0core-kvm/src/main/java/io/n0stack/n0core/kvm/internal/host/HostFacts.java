package io.n0stack.n0core.kvm.internal.host;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.driver.Fingerprint;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What this host offers to machines. QEMU's version is asked for once. Thread-safe. */
public final class HostFacts {
  private static final Pattern VERSION = Pattern.compile("version (\\d+(\\.\\d+)*)");
  private static final Pattern TOTAL = Pattern.compile("MemTotal:\\s+(\\d+) kB");
  private static final long KIB = 1024;

  private final String program;
  private @Nullable String version;

  /**
   * Creates it; does not look.
   *
   * @param program QEMU's system emulator
   */
  public HostFacts(String program) {
    this.program = program;
  }

  /**
   * Looks.
   *
   * @param accelerator what executes guests' instructions
   * @return a healthy fingerprint
   * @throws N0Exception UNAVAILABLE if QEMU does not run or the host cannot be looked at
   */
  public Fingerprint fingerprint(Accelerator accelerator) {
    try {
      Matcher total = TOTAL.matcher(Files.readString(Path.of("/proc/meminfo")));
      long memory = total.find() ? Long.parseLong(total.group(1)) * KIB : 0;
      return Fingerprint.healthy(
          Map.of(
              "accelerator", accelerator.name().toLowerCase(Locale.ROOT),
              "qemu.version", version()),
          Map.of(
              "cpu.millicores",
              Runtime.getRuntime().availableProcessors() * 1000L,
              "memory.bytes",
              memory));
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private synchronized String version() throws IOException {
    if (version == null) {
      Process process = new ProcessBuilder(
              List.of("timeout", "-s", "KILL", "5", program, "--version"))
          .redirectErrorStream(true)
          .start();
      try (BufferedReader out = new BufferedReader(
          new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        char[] text = new char[1024];
        int count = out.read(text);
        Matcher found = VERSION.matcher(new String(text, 0, Math.max(0, count)));
        if (!found.find()) {
          throw new IOException("\"" + program + " --version\" does not say a version");
        }
        version = found.group(1);
      }
    }
    return version;
  }

  private N0Exception failure(IOException cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE,
        "qemu",
        "probe " + program + ": " + cause.getMessage() + "; install QEMU or set kvm.qemu",
        cause);
  }
}
