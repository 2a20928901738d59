package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents that are killed while they change limits, media and what a guest keeps. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledTuningIT {
  private static final int KILLS = 8;
  private static final int MOST_KILLS = 40;
  private static final int LONGEST_CALL_MILLIS = 150;
  private static final List<String> MEDIA = List.of("a", "b", "c", "-");
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");

  @Test
  void whateverAKilledAgentHadBegunIsFinishedByTheNext() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Board board = Board.make(directory, id, 0);
    board.make("a", "b", "c", "d");
    int cutShort = 0;
    try (QemuMachineDriver driver = board.open(Duration.ofMillis(100))) {
      driver.apply(board.cx(), id, OneTuning.spec(board, "16 9 - -"));
      long pid = Host.pid(driver, id);
      // Some are not hit; where few are tried, one more may be needed.
      for (int kill = 0;
          kill < Repetition.of(KILLS) || (cutShort == 0 && kill < MOST_KILLS);
          kill++) {
        String begun = tuning(random);
        String wanted = kill % 3 == 0 ? tuning(random) : begun;
        String at = "seed " + seed + ", kill " + kill + ": " + begun + ", then " + wanted;
        if (killed(begun, random)) {
          cutShort++;
        }
        driver.apply(board.cx(), id, OneTuning.spec(board, wanted));
        assertTrue(board, driver, at, wanted);
        StandaloneContext again = board.cx();
        driver.apply(again, id, OneTuning.spec(board, wanted));
        assertThat(again.steps()).as(at).isEmpty();
        assertThat(Host.pid(driver, id)).as(at).isEqualTo(pid);
      }
      driver.delete(Host.context(), id);
      assertThat(board.host.residue()).isEmpty();
    } finally {
      board.remove();
    }
    assertThat(cutShort).as("calls that were cut short, seed " + seed).isPositive();
  }

  private static String tuning(Random random) {
    String one = MEDIA.get(random.nextInt(MEDIA.size()));
    String two;
    do {
      two = MEDIA.get(random.nextInt(MEDIA.size()));
    } while (two.equals(one) && !one.equals("-"));
    return (8 + random.nextInt(8)) + " " + (1 + random.nextInt(8)) + " " + one + " " + two;
  }

  private boolean killed(String tuning, Random random) throws Exception {
    Process agent = KilledAgentIT.java(
        OneTuning.class, directory.toString(), id.name(), id.uid().toString());
    assertThat(agent.getInputStream().readNBytes("ready\n".length())).isNotEmpty();
    agent.getOutputStream().write((tuning + "\n").getBytes(StandardCharsets.US_ASCII));
    agent.getOutputStream().flush();
    assertThat(agent.getInputStream().readNBytes("go\n".length())).isNotEmpty();
    boolean ended = agent.waitFor(random.nextInt(LONGEST_CALL_MILLIS), TimeUnit.MILLISECONDS);
    agent.destroyForcibly().waitFor();
    return !ended;
  }

  private void assertTrue(Board board, QemuMachineDriver driver, String at, String wanted)
      throws Exception {
    String[] words = wanted.split(" ", -1);
    Set<String> nodes = new TreeSet<>(Set.of("disk-d"));
    try (QmpClient qmp = board.qmp(driver, id)) {
      List<QmpResult> blocks = qmp.execute("query-block", Board.LIMIT).list("");
      assertThat(inside(blocks, "cd-one")).as(at).isEqualTo(words[2]);
      assertThat(inside(blocks, "cd-two")).as(at).isEqualTo(words[3]);
      assertThat(block(blocks, "disk-d").number("/inserted/bps"))
          .as(at)
          .isEqualTo(Long.parseLong(words[1]) * MIB);
      List.of(words[2], words[3]).stream()
          .filter(medium -> !medium.equals("-"))
          .forEach(medium -> nodes.add("disk-" + medium));
      Set<String> present = new TreeSet<>();
      for (QmpResult node : qmp.execute("query-named-block-nodes", Board.LIMIT).list("")) {
        if (!node.text("/node-name").startsWith("#")) {
          present.add(node.text("/node-name"));
        }
      }
      assertThat(present).as(at).isEqualTo(nodes);
    }
    Path run = Host.present(driver, id).serialLog().resolveSibling("balloon");
    assertThat(Files.readString(run))
        .as(at)
        .isEqualTo(String.valueOf(Long.parseLong(words[0]) * MIB));
    assertThat(driver.observe(id)).as(at).extracting("complete").isEqualTo(true);
  }

  private static QmpResult block(List<QmpResult> blocks, String device) {
    return blocks.stream()
        .filter(block ->
            block.find("/qdev").filter(q -> q.text("").contains(device)).isPresent())
        .findFirst()
        .orElseThrow();
  }

  private static String inside(List<QmpResult> blocks, String device) {
    QmpResult block = block(blocks, device);
    assertThat(block.flag("/tray_open")).isFalse();
    return block
        .find("/inserted")
        .map(inside -> inside.text("/node-name").substring("disk-".length()))
        .orElse("-");
  }
}
