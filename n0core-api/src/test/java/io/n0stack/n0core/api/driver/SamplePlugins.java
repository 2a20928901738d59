package io.n0stack.n0core.api.driver;

import java.util.List;
import java.util.Set;

/** Plugins as strangers write them. Loaded by {@link PluginClassLoader}, so all is public. */
final class SamplePlugins {
  private SamplePlugins() {}

  public record Note(String text) implements Spec {}

  public static class NoteDriver implements Driver<Note, String> {
    private final String kind;

    public NoteDriver(String kind) {
      this.kind = kind;
    }

    @Override
    public Descriptor<Note, String> describe() {
      return new Descriptor<>(kind, "sample", Note.class, String.class);
    }

    @Override
    public Fingerprint probe() {
      return Fingerprint.unhealthy("a sample");
    }

    @Override
    public Set<ResourceId> list() {
      return Set.of();
    }

    @Override
    public Observed<String> observe(ResourceId id) {
      return Observed.absent();
    }

    @Override
    public void apply(Context cx, ResourceId id, Note desired) {}

    @Override
    public void delete(Context cx, ResourceId id) {}

    @Override
    public void close() {
      System.setProperty("n0core.test.closed", System.getProperty("n0core.test.closed", "") + kind);
    }
  }

  public static class Notes implements DriverPlugin {
    @Override
    public String name() {
      return "notes";
    }

    @Override
    public int spiVersion() {
      return 1;
    }

    @Override
    public List<Driver<?, ?>> create(PluginConfig config) {
      config.number("lines", 1, 1, 9);
      return List.of(new NoteDriver("note"));
    }
  }

  public static class OtherNotes extends Notes {
    @Override
    public String name() {
      return "other-notes";
    }
  }

  public static class FutureNotes extends Notes {
    @Override
    public String name() {
      return "future-notes";
    }

    @Override
    public int spiVersion() {
      return 2;
    }
  }

  public static class BrokenNotes extends Notes {
    public BrokenNotes() {
      throw new IllegalStateException("no ink");
    }
  }
}
