package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Kills processes that replace tables and guards, and looks what they leave: the old, or the new. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class KilledNftIT {
  private static final int KILLS = 8;
  private static final String READY = "ready";
  private static final String OWNER = "n0core test";
  private static final String TAP = "tap1";
  private static final PortGuard STRICT = PortGuard.strict(
      "web1",
      MacAddress.parse("52:54:00:00:00:01"),
      IntStream.range(0, 50)
          .mapToObj(i -> CidrAddress.parse("10.77.0." + i + "/32"))
          .toList());
  private static final PortGuard OPEN = PortGuard.open("web2");

  /** What is killed: replaces, over and over. */
  static final class Victim {
    private Victim() {}

    public static void main(String[] args) {
      try (Nft nft = Nft.open()) {
        Firewall firewall = Firewall.of(nft, "n0core", OWNER);
        for (int i = 0; ; i++) {
          nft.apply(NftIT.everything());
          firewall.guard(TAP, STRICT);
          nft.apply(other());
          firewall.guard(TAP, OPEN);
          if (i == 0) {
            System.out.println(READY);
          }
        }
      }
    }
  }

  private static Table other() {
    Table all = NftIT.everything();
    return new Table(all.id(), all.owner(), List.of(), List.of());
  }

  @Test
  void whateverIsLeftIsTheOldOrTheNew() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < KILLS; i++) {
      kill(random.nextInt(30_000));
      try (Nft nft = Nft.open()) {
        Firewall firewall = Firewall.of(nft, "n0core", OWNER);
        String when = "kill " + i + " of seed " + seed;

        assertThat(nft.find(other().id()).map(Table::withoutCounts))
            .as(when)
            .isIn(Optional.of(other()), Optional.of(NftIT.everything().withoutCounts()));
        assertThat(firewall.isGuarded(TAP, STRICT))
            .as(when)
            .isNotEqualTo(firewall.isGuarded(TAP, OPEN));
      }
    }
  }

  private static void kill(int afterMicros) throws IOException {
    Process victim = start();
    try (BufferedReader out = victim.inputReader()) {
      assertThat(out.lines().anyMatch(READY::equals)).as("the victim began").isTrue();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(afterMicros));
    } finally {
      victim.destroyForcibly();
    }
    await().atMost(Duration.ofSeconds(30)).until(() -> !victim.isAlive());
  }

  private static Process start() throws IOException {
    Path base = Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
    String classPath = String.join(
        ":",
        base.resolve("target/test-classes").toString(),
        base.resolve("target/classes").toString(),
        System.getProperty("jdk.module.path", ""),
        System.getProperty("java.class.path"));
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            classPath,
            Victim.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
