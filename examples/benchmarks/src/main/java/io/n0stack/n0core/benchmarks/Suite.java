package io.n0stack.n0core.benchmarks;

import java.nio.file.Path;
import java.util.List;

/** The figures of one module. */
interface Suite {
  /**
   * Measures.
   *
   * @param scratch a directory of its own, removed afterwards
   * @return the figures
   * @throws Exception if a side cannot be run
   */
  List<Figure> measure(Path scratch) throws Exception;
}
