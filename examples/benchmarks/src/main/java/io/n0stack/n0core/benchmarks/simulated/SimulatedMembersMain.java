package io.n0stack.n0core.benchmarks.simulated;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.member.SwimMember;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Many members in one process that are connected in memory; all else of them is as always. */
public final class SimulatedMembersMain {
  private static final PrintStream OUT = System.out;
  private static final long BETWEEN_MILLIS = 100;
  private static final int PER_NET = 200;

  private final MemoryCarrier carrier = new MemoryCarrier();
  private final ScheduledExecutorService joining = Executors.newSingleThreadScheduledExecutor();
  private final Transport transport;
  private final Timings timings;
  private final long betweenMillis;

  private SimulatedMembersMain(Transport transport, int factor) {
    this.transport = transport;
    this.timings = slowed(factor);
    this.betweenMillis = BETWEEN_MILLIS * factor;
  }

  /**
   * Does what it reads, and tells how many each member sees when that changes: {@code join FIRST END},
   * one after the other, {@code cut NUMBER} and {@code sent}; stays until its standard input ends.
   *
   * @param args the secret's file, and how many times as long as usual all times are
   * @throws IOException if its standard input cannot be read
   */
  public static void main(String[] args) throws IOException {
    SimulatedMembersMain all = new SimulatedMembersMain(
        Transport.sharedSecret(Path.of(args[0])), Integer.parseInt(args[1]));
    OUT.println("up");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = in.readLine();
    while (line != null) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "join" -> all.join(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
        case "cut" -> all.cut(Integer.parseInt(words[1]));
        case "sent" -> all.sent();
        default -> throw new IllegalArgumentException(line);
      }
      line = in.readLine();
    }
    Runtime.getRuntime().halt(0);
  }

  private static Timings slowed(int factor) {
    Timings usual = Timings.DEFAULT;
    return new Timings(
        usual.probe().multipliedBy(factor),
        usual.probeTimeout().multipliedBy(factor),
        usual.failureTimeout().multipliedBy(factor),
        usual.gossip().multipliedBy(factor),
        usual.connect().multipliedBy(factor));
  }

  private static HostPort address(int number) {
    return HostPort.parse("127.2." + number / PER_NET + "." + (1 + number % PER_NET) + ":5679");
  }

  private void join(int first, int end) {
    for (int i = first; i < end; i++) {
      SwimMember member = SwimMember.open(
          new MembershipConfig(
              "m" + i,
              address(i),
              i == 0 ? List.of() : List.of(address(0)),
              "n0core",
              timings,
              transport),
          carrier);
      String own = member.self().name();
      var unused =
          member.subscribe(Runnable::run, now -> OUT.println("sees " + own + " " + now.size()));
      if (i == 0) {
        member.announceRegistry(); // the API
      }
      boolean last = i == end - 1;
      var unusedJoin = joining.schedule(
          () -> {
            member.join();
            if (last) {
              OUT.println("joined");
            }
          },
          (i - first) * betweenMillis,
          TimeUnit.MILLISECONDS);
    }
  }

  private void cut(int number) {
    carrier.cut(address(number));
    OUT.println("cut " + number);
  }

  /** Tells when it is, what was sent so far, in bytes and frames, how many connections were begun, and of what it was. */
  private void sent() {
    long bytes = 0;
    long frames = 0;
    StringBuilder kinds = new StringBuilder();
    for (Map.Entry<String, long[]> kind : carrier.sent().entrySet()) {
      long[] sum = kind.getValue();
      frames += sum[0];
      bytes += sum[1];
      kinds
          .append(' ')
          .append(kind.getKey())
          .append('=')
          .append(sum[0])
          .append('/')
          .append(sum[1]);
    }
    OUT.println("sent " + System.nanoTime() + " " + bytes + " " + frames + " "
        + carrier.connections() + kinds);
  }
}
