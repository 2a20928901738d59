package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.Set;

/** The good driver, from which a broken one departs in one method. */
class BrokenNoteDriver implements Driver<NoteSpec, NoteStatus> {
  final Path directory;
  final NoteDriver good;

  BrokenNoteDriver(Path directory) {
    this.directory = directory;
    this.good = new NoteDriver(directory);
  }

  Path file(ResourceId id) {
    return directory.resolve(id.name() + "." + id.uid());
  }

  static boolean has(N0Exception e, N0Exception.Code... codes) {
    return Set.of(codes).contains(e.code());
  }

  @Override
  public Descriptor<NoteSpec, NoteStatus> describe() {
    return good.describe();
  }

  @Override
  public Fingerprint probe() {
    return good.probe();
  }

  @Override
  public Set<ResourceId> list() {
    return good.list();
  }

  @Override
  public Observed<NoteStatus> observe(ResourceId id) {
    return good.observe(id);
  }

  @Override
  public void apply(Context cx, ResourceId id, NoteSpec desired) {
    good.apply(cx, id, desired);
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    good.delete(cx, id);
  }

  @Override
  public void close() {
    good.close();
  }
}
