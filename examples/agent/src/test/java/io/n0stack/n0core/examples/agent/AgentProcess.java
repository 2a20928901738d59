package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An {@link OrderedAgent} as seen from outside: orders go in, answers come out, and it is killed. */
final class AgentProcess implements AutoCloseable {
  private static final String END = "(end of output)";

  private final Process process;
  private final Path log;
  private final BufferedWriter in;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private int orders;

  private AgentProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
    this.in = new BufferedWriter(
        new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    Thread reader = new Thread(this::read, "answers of " + process.pid());
    reader.setDaemon(true);
    reader.start();
  }

  /** What an agent says of one resource. */
  record Seen(
      String reference,
      String uid,
      String phase,
      String how,
      String state,
      String pid,
      String spec) {}

  /** An answer to an order, with what was said before it. */
  record Answer(boolean done, String text, List<Seen> seen) {
    Seen of(String reference) {
      return seen.stream()
          .filter(one -> one.reference().equals(reference))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no " + reference + " in " + seen));
    }
  }

  /** Starts an agent on a host's state; returns at once. */
  static AgentProcess start(IsolatedHost host, String... config) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(host.home().toString()));
    arguments.addAll(List.of(config));
    Path log = Files.createTempFile(host.home(), "agent", ".log");
    List<String> command = host.java(OrderedAgent.class, arguments.toArray(String[]::new));
    return new AgentProcess(
        new ProcessBuilder(command).redirectError(log.toFile()).start(), log);
  }

  private void read() {
    try (BufferedReader out = new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      out.lines().forEach(answers::add);
    } catch (IOException | java.io.UncheckedIOException e) {
      answers.add("unreadable " + e);
    }
    answers.add(END);
  }

  /** Waits for the next line; empty when the time is over. */
  Optional<String> next(Duration limit) {
    try {
      Optional<String> line =
          Optional.ofNullable(answers.poll(limit.toNanos(), TimeUnit.NANOSECONDS));
      if (line.filter(END::equals).isPresent()) {
        throw new AssertionError("the agent ended by itself: " + output());
      }
      return line;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Waits for a line that begins so, and passes over others. */
  String await(String beginning) {
    while (true) {
      String line = next(IsolatedHost.PATIENCE)
          .orElseThrow(() -> new AssertionError("no " + beginning + ": " + output()));
      if (line.startsWith(beginning)) {
        return line;
      }
    }
  }

  /** Gives an order without waiting for it; returns its number. */
  int order(String lane, String order) throws IOException {
    orders++;
    in.write(orders + " " + lane + " " + order + "\n");
    in.flush();
    return orders;
  }

  /** Gives an order and waits for the answer, with none other in flight. */
  Answer ask(String order) throws IOException {
    String number = order("all", order) + " ";
    List<Seen> seen = new ArrayList<>();
    while (true) {
      String line = await(number).substring(number.length());
      if (!line.startsWith("is ")) {
        return new Answer(line.equals("done"), line, seen);
      }
      seen.add(seen(line.substring(3)));
    }
  }

  private static Seen seen(String line) {
    String[] word = line.split(" ", 7);
    return new Seen(word[0], word[1], word[2], word[3], word[4], word[5], word[6]);
  }

  /** Gives an order that must be carried out. */
  Answer must(String order) throws IOException {
    Answer answer = ask(order);
    assertThat(answer.done()).as("%s: %s%n%s", order, answer.text(), output()).isTrue();
    return answer;
  }

  /** Sends SIGKILL and waits until the process is gone. */
  void kill() throws IOException {
    process.destroyForcibly();
    awaitEnd();
  }

  /** Lets it end as it should: it closes the agent. */
  void finish() throws IOException {
    in.close();
    assertThat(awaitEnd()).as(output()).isZero();
  }

  int awaitEnd() {
    try {
      assertThat(process.waitFor(IsolatedHost.PATIENCE.toSeconds(), TimeUnit.SECONDS))
          .isTrue();
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Returns answers not yet read, and what it has logged. */
  String output() {
    try {
      return Arrays.toString(answers.toArray()) + "\n" + Files.readString(log);
    } catch (IOException e) {
      return "its log cannot be read: " + e;
    }
  }

  @Override
  public void close() throws IOException {
    kill();
  }
}
