package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.storage.seed.CloudInitSeed;
import io.n0stack.n0core.storage.seed.SeedUser;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Seeds for cloud-init's data source NoCloud, lent to the drivers of machines. */
final class NoCloudSeeds implements SeedImages {
  private static final String SUDO = "ALL=(ALL) NOPASSWD:ALL"; // the password is locked
  private static final Path SHELL = Path.of("/bin/bash");

  @Override
  public byte[] seedImage(Seed seed) {
    SeedUser user = new SeedUser(
        seed.user(), seed.authorizedKeys(), Optional.of(SUDO), List.of(), SHELL, Optional.empty());
    return CloudInitSeed.builder(seed.instanceId(), seed.hostname())
        .withoutDefaultUser()
        .user(user)
        .build()
        .image()
        .toBytes();
  }
}
