package io.n0stack.n0core.api.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Replaces a file once, and says how that went. */
final class SmallFileWriter {
  private SmallFileWriter() {}

  public static void main(String[] args) {
    try {
      SmallFiles.replace(Path.of(args[0]), args[1].getBytes(StandardCharsets.UTF_8));
      System.out.println("done");
    } catch (SmallFiles.NotWrittenException e) {
      System.out.println("not written, full " + SmallFiles.isFull(e.reason()));
    } catch (IOException e) {
      System.out.println("unknown, full " + SmallFiles.isFull(e));
    }
  }
}
