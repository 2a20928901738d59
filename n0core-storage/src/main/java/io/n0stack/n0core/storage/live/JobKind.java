package io.n0stack.n0core.storage.live;

/**
 * What a job does to a volume.
 *
 * @since 0.1
 */
public enum JobKind {
  /** Writes what layers hold into the one below them. */
  COMMIT("commit"),
  /** Copies what the layers below hold into the active one. */
  STREAM("stream"),
  /** Copies the volume to another file and keeps the copy the same. */
  MIRROR("mirror"),
  /** Copies the volume as it was at the beginning, or what has changed since a checkpoint. */
  BACKUP("backup");

  private final String word;

  JobKind(String word) {
    this.word = word;
  }

  /** Returns the word that QEMU and the ids of jobs have for it. */
  String word() {
    return word;
  }
}
