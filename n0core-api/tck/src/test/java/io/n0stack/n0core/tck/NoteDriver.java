package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Makes notes: one text file each, which bears the stamp in its name. */
final class NoteDriver implements Driver<NoteSpec, NoteStatus> {
  private static final String KIND = "note";
  private static final String HALF_MADE = ".part";
  private static final Pattern STAMP = Pattern.compile("(?<name>[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)"
      + "\\.(?<uid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(\\.part)?");

  private final Path directory;

  NoteDriver(Path directory) {
    this.directory = directory;
  }

  @Override
  public Descriptor<NoteSpec, NoteStatus> describe() {
    return new Descriptor<>(KIND, "note-files", NoteSpec.class, NoteStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Files.isWritable(directory)
        ? Fingerprint.healthy(Map.of("notes.directory", directory.toString()), Map.of())
        : Fingerprint.unhealthy("create " + directory + " and make it writable");
  }

  @Override
  public Set<ResourceId> list() {
    try {
      return names().stream()
          .map(STAMP::matcher)
          .filter(Matcher::matches)
          .map(stamp ->
              new ResourceId(KIND, stamp.group("name"), UUID.fromString(stamp.group("uid"))))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      throw unavailable("list notes", e);
    }
  }

  @Override
  public Observed<NoteStatus> observe(ResourceId id) {
    try {
      Set<String> names = names();
      if (names.contains(stamp(id) + HALF_MADE)) {
        return Observed.incomplete(new NoteStatus(halfMade(id), ""));
      }
      return names.contains(stamp(id))
          ? Observed.complete(new NoteStatus(file(id), Files.readString(file(id))))
          : Observed.absent();
    } catch (IOException e) {
      return Observed.unknown("look at " + file(id) + ": " + e);
    }
  }

  /** Fails where {@code Files.exists} would say no, as in a directory that is not mounted. */
  private Set<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
    }
  }

  @Override
  public void apply(Context cx, ResourceId id, NoteSpec desired) {
    Observed<NoteStatus> seen = observe(id);
    requireSeen(id, seen);
    if (seen instanceof Observed.Present<NoteStatus> present
        && present.complete()
        && present.status().text().equals(desired.text())) {
      return;
    }
    step(cx, "write note", () -> {
      Files.writeString(halfMade(id), desired.text());
    });
    step(cx, "publish note", () -> {
      Files.move(halfMade(id), file(id), StandardCopyOption.ATOMIC_MOVE);
    });
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    requireSeen(id, observe(id));
    step(cx, "delete note", () -> {
      Files.deleteIfExists(halfMade(id));
      Files.deleteIfExists(file(id));
    });
  }

  /** A file that an interrupt has closed is no fault of the disk. */
  private static void step(Context cx, String name, Context.Action body) {
    cx.step(name, () -> {
      try {
        body.run();
      } catch (ClosedByInterruptException e) {
        throw N0Exception.interrupted(name, e);
      }
    });
  }

  private static void requireSeen(ResourceId id, Observed<NoteStatus> seen) {
    if (seen instanceof Observed.Unknown<NoteStatus> unknown) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, id.toString(), unknown.why());
    }
  }

  private static N0Exception unavailable(String operation, IOException cause) {
    return new N0Exception(N0Exception.Code.UNAVAILABLE, "notes", operation + ": " + cause, cause);
  }

  private static String stamp(ResourceId id) {
    return id.name() + "." + id.uid();
  }

  private Path file(ResourceId id) {
    return directory.resolve(stamp(id));
  }

  private Path halfMade(ResourceId id) {
    return directory.resolve(stamp(id) + HALF_MADE);
  }
}
