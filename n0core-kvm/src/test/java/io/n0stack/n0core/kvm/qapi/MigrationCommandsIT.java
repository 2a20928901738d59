package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jnr.constants.platform.OpenFlags;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guests that move between two QEMUs, or into a file. */
@Requires(Requirement.QEMU)
class MigrationCommandsIT {
  @TempDir
  Path directory;

  private Qemu nano(String... more) throws IOException {
    List<String> arguments = new ArrayList<>(
        List.of("-machine", "pc-i440fx-7.2", "-bios", Qemu.nano(directory).toString()));
    arguments.addAll(List.of(more));
    return Qemu.start(directory, arguments.toArray(new String[0]));
  }

  private static boolean is(Qemu qemu, MigrationStatus status) {
    return qemu.qapi()
        .migration()
        .info()
        .status()
        .filter(each -> each.is(status))
        .isPresent();
  }

  @Test
  void guestMovesThroughSocketAndWaitsBeforeTheEnd() throws Exception {
    MigrationChannel channel = new MigrationChannel.Unix(directory.resolve("migration"));
    try (Qemu source = nano();
        Qemu target = nano("-incoming", "defer")) {
      Map<MigrationCapability, Boolean> wanted = Map.of(
          MigrationCapability.EVENTS, true,
          MigrationCapability.PAUSE_BEFORE_SWITCHOVER, true,
          MigrationCapability.LATE_BLOCK_ACTIVATE, true);
      for (Qemu each : List.of(source, target)) {
        each.qapi().migration().setCapabilities(wanted);
        assertThat(each.qapi().migration().capabilities()).containsAllEntriesOf(wanted);
      }
      source
          .qapi()
          .migration()
          .setParameters(MigrationSettings.builder()
              .maxBandwidth(1 << 30)
              .downtimeLimitMillis(250)
              .multifdCompression(MultifdCompression.ZSTD)
              .build());
      assertThat(source.qapi().migration().parameters().downtimeLimitMillis()).hasValue(250);
      assertThat(source.qapi().migration().info().status()).isEmpty();
      source.qapi().machine().cont();
      target.qapi().migration().incoming(channel);
      assertThat(target.qapi().migration().info().addresses())
          .containsExactly(new SocketAddress.Unix(directory.resolve("migration").toString()));

      source.qapi().migration().migrate(channel);
      await().atMost(Qemu.LIMIT).until(() -> is(source, MigrationStatus.PRE_SWITCHOVER));
      assertThat(source.qapi().machine().status().running()).isFalse();
      source.qapi().migration().continueFrom(MigrationStatus.PRE_SWITCHOVER);
      await().atMost(Qemu.LIMIT).until(() -> is(source, MigrationStatus.COMPLETED));
      await().atMost(Qemu.LIMIT).until(() -> is(target, MigrationStatus.COMPLETED));

      assertThat(source.qapi().migration().info().ram().orElseThrow().transferredBytes())
          .isPositive();
      assertThat(source.heard(MigrationEvent.Migration.class))
          .anyMatch(each -> each.status().is(MigrationStatus.PRE_SWITCHOVER));
      assertThat(source.heard(MigrationEvent.MigrationPass.class)).isNotEmpty();
      assertThat(source.qapi().machine().status().status().is(RunState.POSTMIGRATE))
          .isTrue();
      assertThat(target.qapi().machine().status().status().is(RunState.PAUSED)).isTrue();
      target.qapi().machine().cont();
      assertThat(target.qapi().machine().status().running()).isTrue();
      target.qapi().migration().announce(Announcement.builder(10, 20, 2, 10).build());
    }
  }

  @Test
  void guestIsSavedToFileAndRestored() throws Exception {
    POSIX libc = POSIXFactory.getNativePOSIX();
    Path file = Files.createFile(directory.resolve("state"));
    MigrationChannel channel = new MigrationChannel.Descriptor("state");
    int out = libc.open(file.toString(), OpenFlags.O_WRONLY.intValue(), 0);
    int in = libc.open(file.toString(), OpenFlags.O_RDONLY.intValue(), 0);
    try {
      try (Qemu source = nano()) {
        source.qapi().machine().cont();
        source.qapi().machine().stop();
        source.qapi().descriptor().give("state", out);
        source.qapi().migration().migrate(channel);
        await().atMost(Qemu.LIMIT).until(() -> is(source, MigrationStatus.COMPLETED));
      }
      assertThat(Files.size(file)).isPositive();
      try (Qemu target = nano("-incoming", "defer")) {
        target.qapi().descriptor().give("state", in);
        target.qapi().migration().incoming(channel);
        await().atMost(Qemu.LIMIT).until(() -> is(target, MigrationStatus.COMPLETED));
        target.qapi().machine().cont();
        assertThat(target.qapi().machine().status().running()).isTrue();
      }
    } finally {
      libc.close(in);
      libc.close(out);
    }
  }

  @Test
  void migrationIsCancelledAndTheGuestStays() throws Exception {
    Path deaf = directory.resolve("deaf"); // takes the connection, but never reads
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
            .bind(UnixDomainSocketAddress.of(deaf));
        Qemu source = nano()) {
      source.qapi().machine().cont();
      source.qapi().migration().setCapabilities(Map.of(MigrationCapability.EVENTS, true));
      // Or all of it is in the socket before it is cancelled.
      source
          .qapi()
          .migration()
          .setParameters(MigrationSettings.builder().maxBandwidth(4096).build());
      source.qapi().migration().migrate(new MigrationChannel.Unix(deaf));
      source.qapi().migration().cancel();
      await().atMost(Qemu.LIMIT).until(() -> is(source, MigrationStatus.CANCELLED));
      assertThat(source.qapi().machine().status().running()).isTrue();
      await()
          .atMost(Qemu.LIMIT)
          .untilAsserted(() -> assertThat(source.heard(MigrationEvent.Migration.class))
              .anyMatch(each -> each.status().is(MigrationStatus.CANCELLED)));
      assertThat(server.isOpen()).isTrue();
    }
  }

  @Test
  void whatCannotBeDoneNowIsRefused() throws Exception {
    MigrationChannel.Tcp tcp = new MigrationChannel.Tcp("::1", 0);
    assertThat(tcp.uri()).isEqualTo("tcp:[::1]:0");
    assertThatThrownBy(() -> new MigrationChannel.Tcp("host,ipv4=on", 1))
        .isInstanceOf(N0Exception.class);
    try (Qemu source = nano()) {
      MigrationCommands migration = source.qapi().migration();
      assertThatThrownBy(migration::startPostcopy).isInstanceOf(QmpException.class);
      assertThatThrownBy(migration::pausePostcopy).isInstanceOf(QmpException.class);
      assertThatThrownBy(() -> migration.recoverPostcopy(tcp)).isInstanceOf(QmpException.class);
      assertThatThrownBy(() -> migration.resumePostcopy(tcp)).isInstanceOf(QmpException.class);
      assertThatThrownBy(() -> migration.incoming(tcp)).isInstanceOf(QmpException.class);
      assertThatThrownBy(() -> migration.migrate(new MigrationChannel.Descriptor("none")))
          .isInstanceOf(QmpException.class);
    }
  }
}
