package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
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
   */
  record Request(Instant at, List<String> nodes) {
    boolean olderThan(Duration age) {
      return at.plus(age).isBefore(Instant.now());
    }
  }

  Unplugged(Run run) {
    directory = run.directory();
  }

  Optional<Request> find(String deviceId) {
    try {
      List<String> lines = Files.readAllLines(directory.resolve(PREFIX + deviceId));
      return Optional.of(new Request(
          Instant.ofEpochMilli(Long.parseLong(lines.get(0))), lines.subList(1, lines.size())));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | NumberFormatException | IndexOutOfBoundsException e) {
      throw failure("read", deviceId, e);
    }
  }

  void note(String deviceId, Request request) {
    StringBuilder text = new StringBuilder().append(request.at().toEpochMilli()).append('\n');
    request.nodes().forEach(node -> text.append(node).append('\n'));
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
    List<String> ids = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*")) {
      files.forEach(file -> ids.add(String.valueOf(file.getFileName()).substring(PREFIX.length())));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      throw failure("list", "*", e);
    }
    ids.sort(null);
    return ids;
  }

  private N0Exception failure(String what, String deviceId, Exception cause) {
    return DurableFiles.failure(
        deviceId, what + " the request to unplug " + deviceId + " in " + directory, cause);
  }
}
