package io.n0stack.n0core.membership;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Agents and an API on hosts of their own, which the tests of a class share and put in order. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class LabScenarios {
  static final Duration SOON = Lab.SOON;
  static final int SPARE = 5;
  static final List<String> AGENTS = List.of("node-2", "node-3", "node-4");
  static final String[] ALL = {"api-1", "node-2", "node-3", "node-4"};

  Lab lab;
  Program api;

  /** Starts the agents before there is an API. */
  @BeforeAll
  void open(@TempDir Path directory) {
    lab = new Lab(SPARE, directory);
    prepare(directory);
    for (int i = 0; i < AGENTS.size(); i++) {
      Program unused = lab.agent(2 + i, AGENTS.get(i));
    }
    AGENTS.forEach(name -> lab.member(name).awaitLine("joined", SOON));
    api = lab.api(1, "store");
  }

  /** Changes what members are started with. */
  void prepare(Path directory) {}

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  @BeforeEach
  void everythingRuns() {
    for (int host = 1; host <= SPARE; host++) {
      lab.heal(host);
    }
    if (!lab.runs("api-1")) {
      api = lab.api(1, "store");
    }
    for (int i = 0; i < AGENTS.size(); i++) {
      if (!lab.runs(AGENTS.get(i))) {
        Program unused = lab.agent(2 + i, AGENTS.get(i));
      }
    }
    awaitAllReady();
  }

  void awaitAllReady() {
    for (String name : ALL) {
      long unused = lab.awaitView(name, ALL);
    }
    AGENTS.forEach(name -> lab.member(name).awaitLine("saved", SOON));
    Lab.awaitReady(api, AGENTS);
  }

  static long millis(long from, long to) {
    return (to - from) / 1_000_000;
  }

  /** Lets time pass in which nothing is to happen. */
  static void pass(Duration time) {
    await().pollDelay(time).atMost(Duration.ofMinutes(10)).until(() -> true);
  }
}
