package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.util.Set;

/** A driver that does not say that a volume must not be written to: one that the kit must reject. */
record ForgetfulDriver(Driver<VolumeSpec, VolumeStatus> real)
    implements Driver<VolumeSpec, VolumeStatus> {
  @Override
  public Descriptor<VolumeSpec, VolumeStatus> describe() {
    return real.describe();
  }

  @Override
  public Fingerprint probe() {
    return real.probe();
  }

  @Override
  public Set<ResourceId> list() {
    return real.list();
  }

  @Override
  public Observed<VolumeStatus> observe(ResourceId id) {
    return real.observe(id) instanceof Observed.Present<VolumeStatus> present
        ? new Observed.Present<>(without(present.status()), present.complete())
        : real.observe(id);
  }

  private static VolumeStatus without(VolumeStatus status) {
    return new VolumeStatus(
        status.path(),
        status.format(),
        status.sizeBytes(),
        status.allocatedBytes(),
        status.backingImage(),
        status.encryption());
  }

  @Override
  public void apply(Context cx, ResourceId id, VolumeSpec desired) {
    real.apply(cx, id, desired);
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    real.delete(cx, id);
  }

  @Override
  public void close() {
    real.close();
  }
}
