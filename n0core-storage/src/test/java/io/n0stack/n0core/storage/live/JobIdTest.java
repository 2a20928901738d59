package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobIdTest {
  private static final UUID VOLUME = UUID.fromString("11111111-2222-3333-4444-555555555555");
  private static final Path TARGET = Path.of("/backups/target.qcow2");

  @ParameterizedTest
  @EnumSource(JobKind.class)
  void anIdIsReadBackAndIsOneThatQemuTakes(JobKind kind) {
    for (String rest : new String[] {"", "disk-root", "disk-a-very-long-na.0123456789ab"}) {
      JobId id = JobId.of(kind, VOLUME, "/a, b", "", rest);

      assertThat(JobId.parse(id.toString())).contains(id);
      assertThat(id.toString()).matches("[A-Za-z][A-Za-z0-9._-]*");
    }
  }

  @Test
  void theSameWorkIsKnownWhicheverNodeItLeavesBehind() {
    JobId mirror = JobId.of(JobKind.MIRROR, VOLUME, "/a", "", "disk-root");

    assertThat(mirror.sameWork(JobId.of(JobKind.MIRROR, VOLUME, "/a", "", ""))).isTrue();
    assertThat(mirror.sameWork(JobId.of(JobKind.MIRROR, VOLUME, "/b", "", ""))).isFalse();
    assertThat(mirror.sameWork(JobId.of(JobKind.BACKUP, VOLUME, "/a", "", ""))).isFalse();
    assertThat(mirror.sameWork(JobId.of(JobKind.MIRROR, UUID.randomUUID(), "/a", "", "")))
        .isFalse();
    assertThat(JobId.of(JobKind.BACKUP, VOLUME, "/a", "", "one")
            .sameWork(JobId.of(JobKind.BACKUP, VOLUME, "/a", "", "two")))
        .isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "n0core",
        "drive-virtio0",
        "n0core.mirror.x.000000000000.000000000000.",
        "n0core.mirror.11111111-2222-3333-4444-555555555555.00000000000.000000000000.",
        "other.mirror.11111111-2222-3333-4444-555555555555.000000000000.000000000000."
      })
  void whatBearsNoStampIsNotOurs(String id) {
    assertThat(JobId.parse(id)).isEmpty();
  }

  @Test
  void nodeNamesFitAndTellVolumeAndFile() {
    String name = Names.node(VOLUME, TARGET);

    assertThat(name).hasSizeLessThanOrEqualTo(31).startsWith(Names.nodePrefix(VOLUME));
    assertThat(name).isNotEqualTo(Names.node(VOLUME, Path.of("/backups/other.qcow2")));
    assertThat(name).isNotEqualTo(Names.node(UUID.randomUUID(), TARGET));
  }

  @Test
  void specsRefuseWhatBreaksARule() {
    BackupSpec full = BackupSpec.full(TARGET, ImageFormat.QCOW2);

    invalid(() -> BackupSpec.full(Path.of("relative"), ImageFormat.RAW));
    invalid(() -> full.since("No Label"));
    invalid(() -> full.withCheckpoint("a.b"));
    invalid(() -> full.since("one").withCheckpoint("one"));
    invalid(() -> full.withBytesPerSecond(-1));
    invalid(() -> MirrorSpec.of(Path.of("/a/../b"), ImageFormat.RAW));
    invalid(() -> MirrorSpec.of(TARGET, ImageFormat.RAW).withBytesPerSecond(-1));
    invalid(() -> ExportSpec.readOnly(Path.of("/run"), "a/b"));
    assertThat(full.since("one").withCheckpoint("two").withBytesPerSecond(7).bytesPerSecond())
        .isEqualTo(7);
  }

  private static void invalid(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }
}
