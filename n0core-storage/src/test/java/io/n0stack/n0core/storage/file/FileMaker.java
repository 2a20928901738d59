package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** A process that makes files, to be killed, raced, starved or lied to. */
final class FileMaker {
  private static final int RACES = 100;
  private static final int PAGE = 4096;
  private static final int LEVELS = 72;

  private FileMaker() {}

  /**
   * Runs as long as it is let.
   *
   * @param arguments what to do, the directory and more
   */
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    switch (arguments[0]) {
      case "churn" -> churn(directory);
      case "halt" -> halt(directory, Seam.Step.valueOf(arguments[2]), arguments[3]);
      case "race" -> race(directory, arguments[2]);
      case "starve" -> starve(directory);
      case "each" -> each(directory);
      case "reserve" -> System.out.println(reserved(directory.resolve("reserved")));
      case "crowd" -> System.out.println(crowded(directory.resolve("filled")));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void churn(Path directory) {
    DurableFiles files = new DurableFiles();
    for (int i = 0; ; i++) {
      // Not at once: the first file takes as long as the JVM takes to load what makes it.
      if (i == 1) {
        System.out.println("ready");
      }
      make(files, directory, "create", String.valueOf(i));
      make(files, directory, "replace", "record" + i);
      make(files, directory, "batch", String.valueOf(i));
    }
  }

  private static void halt(Path directory, Seam.Step last, String what) {
    DurableFiles files = new DurableFiles(step -> {
      if (step == last) {
        Runtime.getRuntime().halt(9);
      }
    });
    make(files, directory, what, "new");
  }

  private static void make(DurableFiles files, Path directory, String what, String label) {
    switch (what) {
      case "create" -> files.create(directory.resolve("created" + label), Whole.of(label));
      case "replace" -> files.replace(directory.resolve("record"), Whole.of(label));
      case "batch" ->
        files.createAll(List.of(
            new NewFile(directory.resolve("first" + label), Whole.of(label)),
            new NewFile(directory.resolve("second" + label), Whole.of(label))));
      default -> throw new IllegalArgumentException(what);
    }
  }

  /** Makes files that another makes too. */
  private static void race(Path directory, String label) throws IOException {
    DurableFiles files = new DurableFiles();
    System.out.println("ready");
    System.in.read();
    for (int i = 0; i < RACES; i++) {
      try {
        files.create(directory.resolve("race" + i), Whole.of(label));
        System.out.println("won " + i);
      } catch (N0Exception e) {
        System.out.println((e.code() == N0Exception.Code.ALREADY_EXISTS ? "lost " : "failed ") + e);
      }
    }
  }

  /** Makes files on a small file system, with one page more free each time. */
  private static void starve(Path directory) throws IOException {
    DurableFiles files = new DurableFiles();
    Path record = directory.resolve("record");
    Path filler = directory.resolve("filler");
    files.create(record, Whole.of("old"));
    String last = "";
    for (int free = 0; free < LEVELS; free++) {
      fill(filler, free);
      String said = attempt(files, directory, "create") + " " + attempt(files, directory, "batch")
          + " " + attempt(files, directory, "replace") + " record " + Whole.label(record)
          + " left " + left(directory);
      if (!said.equals(last)) {
        System.out.println(said);
        last = said;
      }
      Files.delete(filler);
      for (String name : List.of("creatednew", "firstnew", "secondnew")) {
        Files.deleteIfExists(directory.resolve(name));
      }
    }
    // Now it is names that there are no more of.
    for (int i = 0; i < 1000; i++) {
      try {
        Files.createFile(directory.resolve("empty" + i));
      } catch (IOException e) {
        System.out.println("names " + attempt(files, directory, "create") + " " + e.getMessage());
        return;
      }
    }
  }

  private static void fill(Path filler, int freePages) throws IOException {
    try (FileChannel out =
        FileChannel.open(filler, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      long pages = FileSystemSpace.of(filler).availableBytes() / PAGE - freePages;
      for (long page = 0; page < pages; page++) {
        out.write(ByteBuffer.allocate(PAGE));
      }
    }
  }

  private static String left(Path directory) {
    String[] names = directory.toFile().list((parent, name) -> name.startsWith("."));
    return names == null ? "unknown" : List.of(names).toString();
  }

  private static void each(Path directory) throws IOException {
    DurableFiles files = new DurableFiles();
    for (String what : List.of("create", "batch", "replace")) {
      System.out.println(what + " " + attempt(files, directory, what));
    }
    System.out.println("left " + left(directory));
    try {
      System.out.println("swept " + files.sweep(directory).size());
    } catch (N0Exception e) {
      System.out.println("sweep " + e.code());
    }
  }

  private static String reserved(Path file) throws IOException {
    Files.createFile(file);
    try {
      Preallocation.reserve(file, 1 << 20, FileProgress.NONE);
      return "done";
    } catch (N0Exception e) {
      return e.code() + " " + e.getMessage() + " " + Files.size(file);
    }
  }

  /** Fills a file while another takes the rest of the space. */
  private static String crowded(Path file) throws IOException {
    Files.writeString(file, "mine");
    long available = FileSystemSpace.of(file).availableBytes();
    try {
      Preallocation.fill(file, available - PAGE, (done, total) -> {
        Path filler = file.resolveSibling("filler");
        try {
          if (!Files.exists(filler)) {
            fill(filler, 0);
          }
        } catch (IOException e) {
          throw new AssertionError(e);
        }
      });
      return "done";
    } catch (N0Exception e) {
      return e.code() + " " + Files.readString(file);
    }
  }

  private static String attempt(DurableFiles files, Path directory, String what) {
    try {
      make(files, directory, what, "new");
      return "done";
    } catch (N0Exception e) {
      return e.getClass().getSimpleName() + " " + e.code()
          + (e.code() == N0Exception.Code.EXHAUSTED ? "" : " " + e.getMessage());
    }
  }
}
