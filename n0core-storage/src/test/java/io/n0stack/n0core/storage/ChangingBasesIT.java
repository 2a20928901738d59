package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nothing is made of a volume whose content is being changed, or is going to be. */
@Requires(Requirement.QEMU)
class ChangingBasesIT {
  private static final long MIB = 1 << 20;

  @TempDir
  private Path directory;

  private final ResourceId bottom = ResourceId.fresh("volume", "bottom");
  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private Qcow2DirectoryDriver driver;
  private VolumeSpec spec;

  @BeforeEach
  void open() {
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
    driver.apply(cx(), bottom, VolumeSpec.empty(8 * MIB));
    spec = VolumeSpec.from(new ImageSource.Backing(disk(bottom), ImageFormat.QCOW2));
    driver.apply(cx(), root, spec);
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private VolumeMaintenance maintenance() {
    return driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  private Snapshots snapshots() {
    return driver.capability(Snapshots.class).orElseThrow();
  }

  private Path disk(ResourceId id) {
    return ((Observed.Present<VolumeStatus>) driver.observe(id)).status().path();
  }

  /** What changes a volume's content, and the step in which it does. */
  enum Work {
    COMMIT("commit disk"),
    SHRINK("shrink disk"),
    REVERT_WITHIN("revert to snapshot"),
    REVERT("replace layer"),
    JOIN("join layers"),
    FLATTEN("rebase disk");

    private final String step;

    Work(String step) {
      this.step = step;
    }

    void prepare(ChangingBasesIT test) {
      switch (this) {
        case SHRINK -> {
          test.maintenance().flatten(cx(), test.root);
          test.spec = test.spec.withSizeBytes(4 * MIB);
        }
        case REVERT_WITHIN -> test.snapshots().createSnapshot(cx(), test.root, "one");
        case REVERT, JOIN -> test.driver.createExternalSnapshot(cx(), test.root, "one");
        default -> {}
      }
    }

    void run(ChangingBasesIT test, StandaloneContext cx) {
      switch (this) {
        case COMMIT -> test.maintenance().commit(cx, test.root);
        case SHRINK -> test.maintenance().shrink(cx, test.root, 4 * MIB);
        case REVERT_WITHIN -> test.snapshots().revertToSnapshot(cx, test.root, "one");
        case REVERT -> test.driver.revertToExternalSnapshot(cx, test.root, "one");
        case JOIN -> test.driver.deleteExternalSnapshot(cx, test.root, "one");
        case FLATTEN -> test.maintenance().flatten(cx, test.root);
      }
    }
  }

  /** Both ways of making a volume are refused before anything of it is made. */
  private void requireNoSource(ResourceId base) {
    for (ImageSource source : List.of(
        new ImageSource.Backing(disk(base), ImageFormat.QCOW2),
        new ImageSource.Copy(disk(base), ImageFormat.QCOW2))) {
      assertThatThrownBy(() -> driver.apply(cx(), clone, VolumeSpec.from(source)))
          .isInstanceOfSatisfying(N0Exception.class, e -> {
            assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY);
            assertThat(e).hasMessageContaining("its content is being changed");
          });
      assertThat(driver.observe(clone)).isInstanceOf(Observed.Absent.class);
    }
  }

  private void requireSource(ResourceId base) {
    driver.apply(
        cx(), clone, VolumeSpec.from(new ImageSource.Backing(disk(base), ImageFormat.QCOW2)));
    assertThat(((Observed.Present<VolumeStatus>) driver.observe(clone)).complete())
        .isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsMadeOfItMeanwhile(Work work) {
    work.prepare(this);
    AtomicInteger tried = new AtomicInteger();

    work.run(this, cx().before(work.step, () -> {
      requireNoSource(root);
      if (work == Work.COMMIT) {
        requireNoSource(bottom);
      }
      tried.incrementAndGet();
    }));

    assertThat(tried).hasValue(1);
    requireSource(root);
  }

  @ParameterizedTest
  @EnumSource(names = {"REVERT", "JOIN", "FLATTEN"})
  void nothingIsMadeOfItUntilWhatWasCutShortIsFinished(Work work) {
    work.prepare(this);
    assertThatThrownBy(() -> work.run(this, cx().before(work.step, () -> {
          throw new SimulatedCrash(work.step);
        })))
        .isInstanceOf(SimulatedCrash.class);
    driver.close();
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));

    requireNoSource(root);

    driver.apply(cx(), root, spec);
    requireSource(root);
  }

  @Test
  void volumesThatLieOnItAlreadyAreSeenAsBefore() {
    requireSource(root);
    assertThatThrownBy(() -> maintenance()
            .flatten(
                cx().before("rebase disk", () -> {
                  throw new SimulatedCrash("rebase disk");
                }),
                root))
        .isInstanceOf(SimulatedCrash.class);

    assertThat(((Observed.Present<VolumeStatus>) driver.observe(clone)).complete())
        .isTrue();
  }

  @Test
  void refusedWorkIsOnNoRecordAndInNobodysWay() {
    driver.createExternalSnapshot(cx(), root, "one");
    requireSource(root);

    assertThatThrownBy(() -> driver.deleteExternalSnapshot(cx(), root, "one"))
        .hasMessageContaining("backing image");
    assertThatThrownBy(() -> driver.revertToExternalSnapshot(cx(), root, "one"))
        .hasMessageContaining("backing image");

    assertThat(((Observed.Present<VolumeStatus>) driver.observe(root)).complete())
        .isTrue();
    driver.delete(cx(), clone);
    driver.deleteExternalSnapshot(cx(), root, "one");
    assertThat(driver.externalSnapshots(root)).isEmpty();
  }
}
