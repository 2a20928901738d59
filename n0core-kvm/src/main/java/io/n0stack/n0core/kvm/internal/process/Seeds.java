package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** The images by which cloud-init in guests learns what the spec says; made by the driver of volumes. */
public final class Seeds {
  private Seeds() {}

  /**
   * Proves that a seed can be made of what a spec says.
   *
   * @param cx where the driver of volumes is
   * @param spec the spec
   * @throws N0Exception UNSUPPORTED if no driver makes seeds; INVALID if it cannot be told
   */
  public static void require(Context cx, MachineSpec spec) {
    spec.cloudInit().ifPresent(told -> image(cx, "check", told));
  }

  /**
   * Makes a machine's seed what its spec says: writes it, or removes one that is not wanted any
   * more.
   *
   * @param cx where the driver of volumes is
   * @param directory the machine's directory
   * @param record what it is
   * @throws N0Exception UNSUPPORTED if no driver makes seeds; UNAVAILABLE or EXHAUSTED if it cannot
   *     be written
   */
  public static void write(Context cx, MachineDirectory directory, MachineRecord record) {
    Path file = directory.path().resolve(Boarding.SEED);
    Optional<MachineSpec.CloudInit> told = record.spec().cloudInit();
    if (told.isEmpty()) {
      remove(record, file);
      return;
    }
    byte[] image = image(cx, record.id().uid().toString(), told.get());
    try {
      if (!Arrays.equals(image, content(file))) {
        DurableFiles.replace(file, image);
      }
    } catch (IOException e) {
      throw DurableFiles.failure(record.id().toString(), "write " + file, e);
    }
  }

  private static byte[] content(Path file) throws IOException {
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      return new byte[0];
    }
  }

  private static void remove(MachineRecord record, Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw DurableFiles.failure(record.id().toString(), "remove " + file, e);
    }
  }

  private static byte[] image(Context cx, String instance, MachineSpec.CloudInit told) {
    SeedImages images = cx.capability(StorageDriver.KIND, SeedImages.class)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            "cloudInit",
            "unsupported cloudInit: the agent has no driver of volumes that makes seeds"));
    return images.seedImage(
        new SeedImages.Seed(instance, told.hostname(), told.user(), told.authorizedKeys()));
  }
}
