package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the guest of one launch was asked to release, remembered in the launch's directory, for QEMU does not
 * tell: a device whose release is awaited looks like any other.
 */
final class Unplugged {
  private static final String PREFIX = "unplug.";

  private final Path directory;

  /**
   * A request.
   *
   * @param at when QEMU took it; the epoch before that
   * @param nodes the block nodes that go with the device, the upper ones first
   * @param files their files, to which access is taken back
   */
  record Request(Instant at, List<String> nodes, List<Path> files) {
    boolean olderThan(Duration age) {
      return at.plus(age).isBefore(Instant.now());
    }
  }

  Unplugged(Run run) {
    directory = run.directory();
  }

  Optional<Request> find(String deviceId) {
    try {
      Optional<String> note = GuardedFiles.note(directory.resolve(PREFIX + deviceId));
      if (note.isEmpty()) {
        return Optional.empty();
      }
      List<String> lines = note.get().lines().toList();
      return Optional.of(new Request(
          Instant.ofEpochMilli(Long.parseLong(lines.get(0))),
          lines.stream().skip(1).filter(line -> !line.startsWith("/")).toList(),
          lines.stream().filter(line -> line.startsWith("/")).map(Path::of).toList()));
    } catch (IOException | NumberFormatException | IndexOutOfBoundsException e) {
      throw failure("read", deviceId, e);
    }
  }

  void note(String deviceId, Request request) {
    StringBuilder text = new StringBuilder().append(request.at().toEpochMilli()).append('\n');
    request.nodes().forEach(node -> text.append(node).append('\n'));
    request.files().forEach(file -> text.append(file).append('\n'));
    try {
      DurableFiles.replace(directory.resolve(PREFIX + deviceId), text.toString());
    } catch (IOException e) {
      throw failure("write", deviceId, e);
    }
  }

  void forget(String deviceId) {
    try {
      Files.deleteIfExists(directory.resolve(PREFIX + deviceId));
      DurableFiles.sync(directory);
    } catch (IOException e) {
      throw failure("remove", deviceId, e);
    }
  }

  /** Lists the devices, sorted. */
  List<String> all() {
    try {
      return DurableFiles.notes(directory, PREFIX);
    } catch (IOException e) {
      throw failure("list", "*", e);
    }
  }

  private N0Exception failure(String what, String deviceId, Exception cause) {
    return DurableFiles.failure(
        deviceId, what + " the request to unplug " + deviceId + " in " + directory, cause);
  }
}
