package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the kernel sees of an agent that is given bad names: nothing. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class NamesIT {
  @TempDir
  Path home;

  @Test
  void aBadNameIsRefusedWithoutASystemCall() throws Exception {
    Path trace = home.resolve("trace");
    Process process = new ProcessBuilder(
            "strace",
            "-f",
            "-qq",
            "-s",
            "400",
            "-o",
            trace.toString(),
            "-e",
            "trace=%file,%network,ioctl,execve,ftruncate,fsync,fdatasync,write",
            "unshare",
            "--net",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            BadNames.class.getName(),
            home.toString())
        .redirectErrorStream(true)
        .redirectOutput(home.resolve("output").toFile())
        .start();
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    String output = Files.readString(home.resolve("output"));
    assertThat(process.exitValue()).as(output).isZero();
    assertThat(output).contains("refused " + BadNames.requests() + " of " + BadNames.requests());

    List<String> lines = Files.readAllLines(trace);
    int begin = indexOf(lines, BadNames.BEGIN);
    int end = indexOf(lines, BadNames.END);
    assertThat(end).isGreaterThan(begin);
    assertThat(lines.subList(begin + 1, end))
        .as("effects between the first bad name and the last")
        .noneMatch(
            line -> line.matches(
                ".*(mkdir|rename|unlink|link|symlink|execve|socket|connect|sendto|sendmsg|ioctl|ftruncate|fsync|fdatasync|chmod|chown|mknod)\\w*\\(.*"))
        .noneMatch(line -> line.matches(".*open\\w*\\(.*(O_CREAT|O_WRONLY|O_RDWR|O_TRUNC).*"))
        .noneMatch(line -> line.matches(".*\\bwrite\\(.*"));
  }

  private static int indexOf(List<String> lines, String marker) {
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).contains(marker)) {
        return i;
      }
    }
    throw new AssertionError("no " + marker + " in the trace");
  }
}
