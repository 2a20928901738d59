package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.storage.live.LiveVolume;
import java.util.ArrayList;
import java.util.List;

/** Several volumes that running machines have open, closed together. */
record LiveVolumes(List<LiveVolume> all) implements AutoCloseable {
  static LiveVolumes open(Context cx, Layers layers, List<VolumeRecord> records) {
    LiveVolumes live = new LiveVolumes(new ArrayList<>());
    boolean ready = false;
    try {
      records.forEach(record -> live.all().add(layers.live(cx, record)));
      ready = true;
      return live;
    } finally {
      if (!ready) {
        live.close();
      }
    }
  }

  @Override
  public void close() {
    all.forEach(LiveVolume::close);
  }
}
