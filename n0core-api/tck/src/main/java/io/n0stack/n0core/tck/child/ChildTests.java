package io.n0stack.n0core.tck.child;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The main program of another JVM: runs test classes, one selection after the other. */
public final class ChildTests {
  private ChildTests() {}

  /**
   * Runs the tests and writes their results, which {@link ChildResult#read} reads, as they end.
   *
   * @param args the package that has all of them, also in packages below; then pairs: a regular expression
   *     that the names of the classes match, and the file for their results
   * @throws IOException if a file cannot be written
   */
  public static void main(String... args) throws IOException {
    for (int i = 1; i < args.length; i += 2) {
      LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
          .selectors(DiscoverySelectors.selectPackage(args[0]))
          .filters(ClassNameFilter.includeClassNamePatterns(args[i]))
          .build();
      try (DataOutputStream out =
          new DataOutputStream(Files.newOutputStream(Path.of(args[i + 1])))) {
        LauncherFactory.create().execute(request, new Recorder(out));
      }
    }
  }

  private static final class Recorder implements TestExecutionListener {
    private final DataOutputStream out;
    private Optional<TestPlan> plan = Optional.empty();

    Recorder(DataOutputStream out) {
      this.out = out;
    }

    @Override
    public void testPlanExecutionStarted(TestPlan started) {
      plan = Optional.of(started);
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      record(test, Status.ABORTED, reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      // A container has a result of its own only where it kept tests from running.
      if (test.isTest() || result.getStatus() != Status.SUCCESSFUL) {
        record(
            test,
            result.getStatus(),
            result.getThrowable().map(ChildTests.Recorder::stack).orElse(""));
      }
    }

    private void record(TestIdentifier test, Status status, String text) {
      String name = name(test);
      System.out.println(status + " " + name);
      try {
        ChildResult.of(name, status, text).write(out);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private String name(TestIdentifier test) {
      Deque<String> names = new ArrayDeque<>();
      for (Optional<TestIdentifier> i = Optional.of(test);
          i.isPresent();
          i = plan.orElseThrow().getParent(i.get())) {
        names.addFirst(i.get().getDisplayName());
      }
      if (names.size() > 1) {
        names.removeFirst(); // the engine
      }
      return String.join(" ", names);
    }

    private static String stack(Throwable thrown) {
      StringWriter text = new StringWriter();
      thrown.printStackTrace(new PrintWriter(text));
      return text.toString();
    }
  }
}
