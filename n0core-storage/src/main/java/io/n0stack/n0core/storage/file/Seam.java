package io.n0stack.n0core.storage.file;

/** What a test can do between the steps of making a file. */
@FunctionalInterface
interface Seam {
  Seam NONE = step -> {};

  /** A step that was done. */
  enum Step {
    CREATED,
    LOCKED,
    WRITTEN,
    SYNCED,
    LINKED,
    NAMED,
    DURABLE
  }

  void after(Step step);
}
