package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens when somebody comes who does not belong, and when nothing happens. */
@Requires(Requirement.ROOT)
class StrangersIT extends LabScenarios {
  private static final Logger LOG = LoggerFactory.getLogger(StrangersIT.class);

  @Test
  void aNameInUseIsRefusedAndItsUserGoesOn() {
    int before = api.lines.size();
    Program user = lab.member("node-4");
    Program thief = lab.agent(SPARE, "node-4");
    thief.awaitLine("failed join ALREADY_EXISTS", SOON);
    assertThat(Lab.last(thief, "failed")).contains("in use").contains(Lab.address(4));

    lab.adopt("node-4", user);
    awaitAllReady();
    assertThat(Lab.changes(api, before)).doesNotContain("node-4 NOT_READY");
  }

  @Test
  void aStrangerWithoutTheSecretIsNoMember() {
    int before = api.lines.size();
    Program stranger = lab.stranger(SPARE, "stranger");
    stranger.awaitLine("joined", SOON); // it may believe what it likes
    pass(Duration.ofSeconds(3));

    assertThat(Lab.last(stranger, "members")).isEqualTo("members stranger");
    assertThat(Lab.last(api, "members")).isEqualTo("members " + String.join(",", ALL));
    assertThat(Lab.changes(api, before)).isEmpty();
    lab.kill("stranger");
  }

  @Test
  void malformedFramesAreNotEvenHeard() {
    int before = api.lines.size();
    // 0x7fffffff bytes are announced, some are sent, many times over; then what is no frame at all.
    lab.on(
        SPARE,
        "python3 - <<'END'\n"
            + "import os, socket\n"
            + "for i in range(300):\n"
            + "  s = socket.socket(); s.settimeout(2)\n"
            + "  s.connect(('10.77.0.1', 5679))\n"
            + "  try:\n"
            + "    s.sendall(b'\\x7f\\xff\\xff\\xff' if i % 3 == 0 else"
            + " (b'\\x00\\x00\\x03\\xff' if i % 3 == 1 else os.urandom(4)))\n"
            + "    s.sendall(os.urandom(65536))\n"
            + "    s.recv(1)\n"
            + "  except OSError: pass\n"
            + "  s.close()\n"
            + "END");

    awaitAllReady();
    assertThat(Lab.changes(api, before)).isEmpty();
    assertThat(lab.runs("api-1")).isTrue();
  }

  @Test
  void anIdleMemberTakesLittle() {
    Program member = lab.member("node-2");
    member.does("usage");
    String before = Lab.last(member, "usage");
    pass(Duration.ofMillis(Repetition.of(5_000)));
    member.does("usage");
    String after = Lab.last(member, "usage");

    long cpu = Long.parseLong(after.split(" ", -1)[1]) - Long.parseLong(before.split(" ", -1)[1]);
    long heap = Long.parseLong(after.split(" ", -1)[2]);
    LOG.info(
        "measured: idle member: {} ms CPU per s, {} KB heap",
        cpu * 1000 / Repetition.of(5_000),
        heap);
    assertThat(heap).isLessThan(64 << 10);
  }
}
