package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeMaintenance.ExportedImage;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Brings an image in, makes disks of it, and one of the disks an image again. */
public final class KeepImages {
  private static final Duration LIMIT = Duration.ofHours(1);

  private KeepImages() {}

  /**
   * Imports, clones, enlarges and exports.
   *
   * @param args the agent's directory, the pool's directory, the image's address, its digest, and the file to
   *     make
   */
  public static void main(String[] args) {
    Path state = Path.of(args[0]);
    Map<String, String> config = Map.of("storage.directory", args[1]);
    URI address = URI.create(args[2]);
    String digest = args[3];
    Path target = Path.of(args[4]);
    try (Agent agent = Agent.open(state, DriverPlugin.drivers(config))) {
      // [import]
      ImageSource published = new ImageSource.Download(address, digest, ImageFormat.QCOW2);
      agent.apply("volume", "debian", VolumeSpec.from(published)).await(LIMIT);
      // [/import]
      // [clone]
      VolumeStatus debian = present(agent.observe("volume", "debian", VolumeStatus.class));
      ImageSource base = new ImageSource.Backing(debian.path(), debian.format());
      VolumeSpec clone = VolumeSpec.from(base).withSizeBytes(20L << 30);
      agent.apply("volume", "web1-root", clone).await(LIMIT);
      agent.apply("volume", "web2-root", clone).await(LIMIT);
      // [/clone]
      // [export]
      Agent.Action<VolumeMaintenance, ExportedImage> export =
          (volumes, cx, id) -> volumes.export(cx, id, target, ImageFormat.QCOW2);
      ExportedImage image = agent
          .act("volume", "web1-root", "export", VolumeMaintenance.class, export)
          .await(LIMIT);
      System.out.println(image);
      // [/export]
    }
  }

  private static VolumeStatus present(Observed<VolumeStatus> seen) {
    if (seen instanceof Observed.Present<VolumeStatus> volume) {
      return volume.status();
    }
    throw new IllegalStateException("the volume cannot be seen: " + seen);
  }
}
