package io.n0stack.n0core.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How soon an API knows what became of an agent, and what it costs to know; what its registry costs. */
final class MembershipSuite implements Suite {
  private static final int AGENTS = 9;
  private static final List<String> PARTS =
      List.of(System.getProperty("n0core.benchmarks.membership", "ten,loss,scale,registry")
          .split(",", -1));

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    Path memberlist = Peer.compiledGo("memberlist", scratch);
    MembershipRows rows = new MembershipRows();
    if (PARTS.contains("ten")) {
      rows.take("ten members", () -> ten(scratch, memberlist, rows));
    }
    if (PARTS.contains("loss")) {
      rows.take("20 % loss", () -> MembershipLoss.measure(scratch, memberlist, rows));
    }
    if (PARTS.contains("scale")) {
      rows.take("many members in memory", () -> MembershipSimulation.measure(scratch, rows));
      rows.take("many members", () -> MembershipScale.measure(scratch, rows));
    }
    List<Figure> figures = new ArrayList<>();
    if (PARTS.contains("registry")) {
      rows.take("registry", () -> figures.addAll(RegistryFigures.measure(scratch)));
    }
    figures.addAll(0, rows.figures());
    return figures;
  }

  private static void ten(Path scratch, Path memberlist, MembershipRows rows) throws Exception {
    try (MembershipSide ours =
            MembershipSide.ours(new MembershipLab(AGENTS + 2, scratch.resolve("ours")), AGENTS);
        MembershipSide theirs = MembershipSide.memberlist(
            new MembershipLab(AGENTS + 1, scratch.resolve("theirs")), AGENTS, memberlist)) {
      new MembershipFailures(ours, theirs, rows).measure();
      rows.take("bad packets", () -> MembershipAttack.measure(ours, AGENTS + 2, rows));
    }
  }
}
