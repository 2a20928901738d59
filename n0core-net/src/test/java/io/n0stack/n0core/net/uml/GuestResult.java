package io.n0stack.n0core.net.uml;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.opentest4j.TestAbortedException;

/**
 * How a test in the guest ended.
 *
 * @param test its class and name
 * @param status what JUnit said
 * @param text the failure with its stack, or the reason not to run
 */
record GuestResult(String test, Status status, String text) {
  private static final int LONGEST = 20_000; // writeUTF takes 65535 bytes

  static GuestResult of(String test, Status status, String text) {
    return new GuestResult(test, status, text.substring(0, Math.min(text.length(), LONGEST)));
  }

  void write(DataOutputStream out) throws IOException {
    out.writeUTF(test);
    out.writeUTF(status.name());
    out.writeUTF(text);
    out.flush();
  }

  static List<GuestResult> read(Path file) throws IOException {
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      List<GuestResult> results = new ArrayList<>();
      while (in.available() > 0) {
        results.add(new GuestResult(in.readUTF(), Status.valueOf(in.readUTF()), in.readUTF()));
      }
      return results;
    }
  }

  /** Ends as the test ended. */
  void repeat() {
    switch (status) {
      case SUCCESSFUL -> {}
      case ABORTED -> throw new TestAbortedException("in user-mode-linux, " + test + ": " + text);
      case FAILED -> throw new AssertionError("in user-mode-linux, " + test + ": " + text);
    }
  }
}
