package io.n0stack.n0core.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.util.List;

/** Another QMP client, which is started once, and tells for each command what it took. */
final class QmpPeer implements AutoCloseable {
  private final String name;
  private final Process process;
  private final BufferedReader answers;
  private final Writer commands;

  private QmpPeer(String name, Process process) {
    this.name = name;
    this.process = process;
    answers = process.inputReader();
    commands = process.outputWriter();
  }

  static QmpPeer start(String name, List<String> command) throws IOException {
    return new QmpPeer(name, Peer.start(command));
  }

  /** Has something done some number of times. */
  Pace times(String what, int count) throws IOException {
    commands
        .append(what)
        .append(' ')
        .append(Integer.toString(count))
        .append('\n')
        .flush();
    String answer = answers.readLine();
    if (answer == null) {
      throw new IOException("the QMP client " + name + " failed at " + what);
    }
    int space = answer.indexOf(' ');
    return new Pace(
        Double.parseDouble(answer.substring(0, space)) / count,
        Double.parseDouble(answer.substring(space + 1)));
  }

  /**
   * How fast operations were.
   *
   * @param micros microseconds from one to the next
   * @param medianMicros what the median one took
   */
  record Pace(double micros, double medianMicros) {}

  @Override
  public void close() throws IOException {
    process.destroyForcibly().onExit().join();
    commands.close();
    answers.close();
  }
}
