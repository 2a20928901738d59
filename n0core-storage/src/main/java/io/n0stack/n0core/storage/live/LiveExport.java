package io.n0stack.n0core.storage.live;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.storage.BlockCommandException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An export of a running volume over NBD. It goes on until it is removed, or the machine ends, and it
 * follows the volume when a job changes its active layer. Thread-safe.
 *
 * @since 0.1
 */
public final class LiveExport {
  private static final Duration LOOK = Duration.ofMillis(100);
  private static final Set<PosixFilePermission> OF_OTHERS = EnumSet.of(
      PosixFilePermission.GROUP_READ,
      PosixFilePermission.GROUP_WRITE,
      PosixFilePermission.GROUP_EXECUTE,
      PosixFilePermission.OTHERS_READ,
      PosixFilePermission.OTHERS_WRITE,
      PosixFilePermission.OTHERS_EXECUTE);

  private final Disk disk;
  private final ExportSpec spec;
  private final String id;

  private LiveExport(Disk disk, ExportSpec spec) {
    this.disk = disk;
    this.spec = spec;
    this.id = "n0core." + disk.volume().uid() + "." + spec.name();
  }

  static LiveExport start(Disk disk, ExportSpec spec) {
    LiveExport export = new LiveExport(disk, spec);
    requirePrivate(spec.directory());
    BlockGraph graph = disk.graph();
    LiveNode root = disk.root(graph);
    if (export.exists()) {
      requireListening(disk, spec.socket());
      return export;
    }
    LiveBitmaps bitmaps = new LiveBitmaps(disk);
    spec.bitmaps().forEach(bitmap -> bitmaps.requireFree(graph, root, bitmap));
    startServer(disk, spec.socket());
    Map<String, Object> arguments = new HashMap<>();
    arguments.put("type", "nbd");
    arguments.put("id", export.id);
    arguments.put("node-name", root.name());
    arguments.put("name", spec.name());
    arguments.put("writable", spec.access() == ExportSpec.Access.READ_WRITE);
    if (!spec.bitmaps().isEmpty()) {
      arguments.put("bitmaps", spec.bitmaps().stream().map(Names::bitmap).toList());
    }
    disk.wire().change("block-export-add", arguments, export::exists);
    return export;
  }

  private static void requirePrivate(Path directory) {
    try {
      Set<PosixFilePermission> others = EnumSet.copyOf(OF_OTHERS);
      others.retainAll(Files.getPosixFilePermissions(directory, LinkOption.NOFOLLOW_LINKS));
      if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS) || !others.isEmpty()) {
        throw N0Exception.invalid(
            "directory",
            directory,
            "must be a directory that only its owner may enter (mode 0700)");
      }
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "directory",
          "look at directory " + Disk.quote(directory) + ": " + e,
          e);
    }
  }

  private static void startServer(Disk disk, Path socket) {
    Map<String, ?> address = Map.of("type", "unix", "data", Map.of("path", socket.toString()));
    try {
      disk.wire().change("nbd-server-start", Map.of("addr", address), () -> isListening(socket));
    } catch (BlockCommandException e) {
      // No query tells where a server listens.
      if (!e.description().contains("already running")) {
        throw e;
      }
      requireListening(disk, socket);
    }
  }

  private static void requireListening(Disk disk, Path socket) {
    if (!isListening(socket)) {
      throw disk.refused(
          N0Exception.Code.BUSY,
          "the machine's NBD server listens elsewhere than at " + Disk.quote(socket));
    }
  }

  private static boolean isListening(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      return false; // no socket, or nobody accepts: QEMU's answer to start then is the truth
    }
  }

  /**
   * Returns the export's address.
   *
   * @return a URI that QEMU's tools and libnbd take, such as {@code nbd+unix:///root?socket=/…/nbd.sock}
   */
  public String uri() {
    String socket = URLEncoder.encode(spec.socket().toString(), StandardCharsets.UTF_8)
        .replace("+", "%20")
        .replace("%2F", "/");
    return "nbd+unix:///" + spec.name() + "?socket=" + socket;
  }

  /**
   * Returns what it was asked to be.
   *
   * @return the spec
   */
  public ExportSpec spec() {
    return spec;
  }

  /**
   * Removes it, and disconnects its clients. One that does not exist is removed.
   *
   * @throws OperationTimeoutException if it has not gone in time
   */
  public void remove() {
    long end = System.nanoTime() + disk.wire().limit().toNanos();
    if (exists()) {
      try {
        disk.wire().change("block-export-del", Map.of("id", id, "mode", "hard"), () -> !exists());
      } catch (BlockCommandException e) {
        if (exists() && !e.description().contains("shutting down")) {
          throw e;
        }
      }
    }
    while (exists()) {
      if (System.nanoTime() - end > 0) {
        throw new OperationTimeoutException("remove export " + id, disk.wire().limit());
      }
      disk.wire().pause(LOOK);
    }
  }

  private boolean exists() {
    return exports(disk).contains(id);
  }

  private static List<String> exports(Disk disk) {
    List<String> ids = new ArrayList<>();
    for (JsonNode export : disk.wire().ask("query-block-exports", Map.of())) {
      ids.add(export.path("id").asText());
    }
    return ids;
  }

  static void stopServer(Disk disk) {
    List<String> left = exports(disk);
    if (!left.isEmpty()) {
      throw disk.refused(N0Exception.Code.BUSY, "the machine has exports " + left);
    }
    try {
      disk.wire().change("nbd-server-stop", Map.of(), () -> false);
    } catch (BlockCommandException e) {
      if (!e.description().contains("not running")) {
        throw e;
      }
    }
  }
}
