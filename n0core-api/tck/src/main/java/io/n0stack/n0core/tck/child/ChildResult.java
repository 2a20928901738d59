package io.n0stack.n0core.tck.child;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.opentest4j.TestAbortedException;

/**
 * How a test in another JVM ended.
 *
 * @param test its class and name
 * @param status what JUnit said
 * @param text the failure with its stack, or the reason not to run
 */
public record ChildResult(String test, Status status, String text) {
  private static final int LONGEST = 20_000; // writeUTF takes 65535 bytes

  static ChildResult of(String test, Status status, String text) {
    return new ChildResult(test, status, text.substring(0, Math.min(text.length(), LONGEST)));
  }

  void write(DataOutputStream out) throws IOException {
    out.writeUTF(test);
    out.writeUTF(status.name());
    out.writeUTF(text);
    out.flush();
  }

  /**
   * Reads what {@link ChildTests} wrote.
   *
   * @param file the file
   * @return the results in the order of the tests' ends
   * @throws IOException if it cannot be read or was cut off
   */
  public static List<ChildResult> read(Path file) throws IOException {
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      List<ChildResult> results = new ArrayList<>();
      while (in.available() > 0) {
        results.add(new ChildResult(in.readUTF(), Status.valueOf(in.readUTF()), in.readUTF()));
      }
      return results;
    }
  }

  /**
   * Shows each as a test that ends as it ended, for a {@code TestFactory}.
   *
   * @param results the results
   * @return the tests
   */
  public static Stream<DynamicTest> repeat(List<ChildResult> results) {
    return results.stream().map(result -> DynamicTest.dynamicTest(result.test(), result::repeat));
  }

  /**
   * Ends as the test ended.
   *
   * @throws AssertionError if it failed
   * @throws TestAbortedException if it was aborted or disabled
   */
  public void repeat() {
    switch (status) {
      case SUCCESSFUL -> {}
      case ABORTED -> throw new TestAbortedException(test + ": " + text);
      case FAILED -> throw new AssertionError(test + ": " + text);
    }
  }
}
