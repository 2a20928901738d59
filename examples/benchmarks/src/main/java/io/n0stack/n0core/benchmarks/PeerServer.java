package io.n0stack.n0core.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.util.List;

/** A peer that is started once, and tells for each command what it took, so that rounds can take turns. */
final class PeerServer implements AutoCloseable {
  private final Path program;
  private final Process process;
  private final BufferedReader answers;
  private final Writer commands;

  private PeerServer(Path program, Process process) {
    this.program = program;
    this.process = process;
    answers = process.inputReader();
    commands = process.outputWriter();
  }

  static PeerServer start(Path program) throws IOException {
    return new PeerServer(program, Peer.start(List.of(program.toString())));
  }

  /** Has a command done some number of times. */
  Spent times(String command, int times, Object... arguments) throws IOException {
    StringBuilder line = new StringBuilder(command).append(' ').append(times);
    for (Object argument : arguments) {
      line.append(' ').append(argument);
    }
    commands.append(line).append('\n').flush();
    String answer = answers.readLine();
    if (answer == null) {
      throw new IOException(program.getFileName() + " failed at \"" + line + "\"");
    }
    int space = answer.indexOf(' ');
    return new Spent(
        Double.parseDouble(answer.substring(0, space)),
        Double.parseDouble(answer.substring(space + 1)));
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly().onExit().join();
    commands.close();
    answers.close();
  }
}
