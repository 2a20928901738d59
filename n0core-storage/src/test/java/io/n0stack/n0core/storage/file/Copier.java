package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** A process that copies between two directories, whatever is mounted there. */
final class Copier {
  private Copier() {}

  /**
   * Runs once.
   *
   * @param arguments directory of the sources, directory of the copies, how many
   */
  public static void main(String[] arguments) throws Exception {
    Path source = Path.of(arguments[0], "source");
    Path copy = Path.of(arguments[1], "copy");
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Set<CopyResult.Way> ways = EnumSet.noneOf(CopyResult.Way.class);
    try {
      for (int i = Integer.parseInt(arguments[2]); i > 0; i--) {
        if (!Files.exists(source)) {
          Layouts.write(source, random);
        }
        CopyResult result = SparseCopy.create(source, copy, FileProgress.NONE);
        ways.add(result.way());
        Layouts.requireCopy(source, copy, result);
        if (i > 1) {
          Files.delete(copy);
          Files.delete(source);
        }
      }
    } catch (N0Exception e) {
      System.out.println(e.code() + " " + e.getMessage());
    } catch (IOException e) {
      System.out.println("seed " + seed + " " + e.getMessage());
    }
    String[] left = Path.of(arguments[1]).toFile().list((parent, name) -> name.startsWith("."));
    System.out.println("ways " + ways + " left " + List.of(left == null ? new String[0] : left));
  }
}
