package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Many members in one process, each with an address of its own. */
final class MembershipSwarmMain {
  private static final PrintStream OUT = System.out;
  private static final int JOINING_AT_ONCE = 2;
  private static final int PER_NET = 200;

  private MembershipSwarmMain() {}

  private static HostPort address(int number) {
    return HostPort.parse("127.1." + number / PER_NET + "." + (1 + number % PER_NET) + ":5679");
  }

  /** The default times, so many times as long: many members then share a few processors. */
  private static Timings slowed(int factor) {
    Timings usual = Timings.DEFAULT;
    return new Timings(
        usual.probe().multipliedBy(factor),
        usual.probeTimeout().multipliedBy(factor),
        usual.failureTimeout().multipliedBy(factor),
        usual.gossip().multipliedBy(factor),
        usual.connect().multipliedBy(factor));
  }

  /**
   * Joins with the members that it reads the numbers of, a line with the first and the one after the
   * last, and tells how many each sees when that changes; stays until its standard input ends.
   *
   * @param args the secret's file, and how many times as long as usual all times are
   * @throws IOException if its standard input cannot be read
   */
  public static void main(String[] args) throws IOException {
    Transport transport = Transport.sharedSecret(Path.of(args[0]));
    Timings timings = slowed(Integer.parseInt(args[1]));
    OUT.println("up");
    ExecutorService joining = Executors.newFixedThreadPool(JOINING_AT_ONCE);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = in.readLine();
    while (line != null) {
      String[] range = line.split(" ", -1);
      int end = Integer.parseInt(range[1]);
      for (int i = Integer.parseInt(range[0]); i < end; i++) {
        AtomixMembership member = AtomixMembership.open(new MembershipConfig(
            "m" + i,
            address(i),
            i == 0 ? List.of() : List.of(address(0)),
            "n0core",
            timings,
            transport));
        String own = member.self().name();
        var unused =
            member.subscribe(Runnable::run, now -> OUT.println("sees " + own + " " + now.size()));
        joining.execute(member::join);
      }
      line = in.readLine();
    }
    Runtime.getRuntime().halt(0);
  }
}
