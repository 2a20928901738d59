package io.n0stack.n0core.storage.live;

import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The id of a job: all that a process needs that finds the job and knows nothing of how it began.
 *
 * @param kind what it does
 * @param volume the uid of the volume
 * @param first a mark of the path that it is mainly about: the target, or the topmost layer
 * @param second a mark of the base, or of the checkpoint since which is copied
 * @param rest for a backup the checkpoint it makes; otherwise a node that n0core has not added and that
 *     nobody uses once the job is done; empty if there is none
 */
record JobId(JobKind kind, UUID volume, String first, String second, String rest) {
  private static final String STAMP = "n0core";
  private static final int FIELDS = 6;
  private static final Pattern MARK = Pattern.compile("[0-9a-f]{12}");

  static JobId of(JobKind kind, UUID volume, String first, String second, String rest) {
    return new JobId(kind, volume, Names.mark(first), Names.mark(second), rest);
  }

  static Optional<JobId> parse(String text) {
    String[] fields = text.split("\\.", FIELDS);
    if (fields.length != FIELDS || !fields[0].equals(STAMP)) {
      return Optional.empty();
    }
    Optional<JobKind> kind =
        Arrays.stream(JobKind.values()).filter(k -> k.word().equals(fields[1])).findFirst();
    if (kind.isEmpty()
        || !MARK.matcher(fields[3]).matches()
        || !MARK.matcher(fields[4]).matches()) {
      return Optional.empty();
    }
    try {
      UUID volume = UUID.fromString(fields[2]);
      return Optional.of(new JobId(kind.get(), volume, fields[3], fields[4], fields[5]));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // someone else's, whatever it looks like
    }
  }

  /** Tells whether it is the same work, whichever node it leaves behind. */
  boolean sameWork(JobId other) {
    return kind == other.kind
        && volume.equals(other.volume)
        && first.equals(other.first)
        && second.equals(other.second)
        && (kind != JobKind.BACKUP || rest.equals(other.rest));
  }

  @Override
  public String toString() {
    return String.join(".", STAMP, kind.word(), volume.toString(), first, second, rest);
  }
}
