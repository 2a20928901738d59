package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.NetworkDriver;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.net.internal.FileFailures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The files of networks: {@code NAME.UID/} with what the DHCP server needs, in it {@code hosts/} with a
 * file {@code NAME.UID} for each port that has addresses. The names are the stamps.
 */
final class NetworkFiles {
  static final String CONFIGURATION = "dnsmasq.conf";
  private static final String HOSTS = "hosts";
  private static final String TEMPORARY = ".new";
  private static final Set<PosixFilePermission> SEARCHABLE =
      PosixFilePermissions.fromString("rwxr-xr-x");

  private final Path directory;

  NetworkFiles(Path directory) {
    this.directory = directory;
  }

  Path of(ResourceId network) {
    return directory.resolve(name(network));
  }

  Path hosts(ResourceId network) {
    return of(network).resolve(HOSTS);
  }

  private static String name(ResourceId id) {
    return id.name() + "." + id.uid();
  }

  private static Optional<ResourceId> id(String kind, String name) {
    int dot = name.indexOf('.');
    try {
      ResourceId id = new ResourceId(
          kind, name.substring(0, Math.max(0, dot)), UUID.fromString(name.substring(dot + 1)));
      return name(id).equals(name) ? Optional.of(id) : Optional.empty();
    } catch (IllegalArgumentException | N0Exception e) {
      return Optional.empty(); // not ours
    }
  }

  /** Lists the networks that have files. */
  Set<ResourceId> networks() {
    return entries(directory).stream()
        .flatMap(file -> id(NetworkDriver.KIND, file.getFileName().toString()).stream())
        .collect(Collectors.toSet());
  }

  /** Lists the ports that have a file with any network. */
  Set<ResourceId> ports() {
    return networks().stream()
        .flatMap(network -> entries(hosts(network)).stream())
        .map(file -> file.getFileName().toString())
        .map(NetworkFiles::finalName)
        .flatMap(name -> id(PortDriver.KIND, name).stream())
        .collect(Collectors.toSet());
  }

  /** What a death leaves of a file belongs to the same. */
  private static String temporaryName(String name) {
    // A name with a dot first is passed over by dnsmasq.
    return "." + name + TEMPORARY;
  }

  private static String finalName(String name) {
    return name.startsWith(".") && name.endsWith(TEMPORARY)
        ? name.substring(1, name.length() - TEMPORARY.length())
        : name;
  }

  private static List<Path> entries(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw failure("list", directory, e);
    }
  }

  boolean exists(ResourceId network) {
    return Files.exists(of(network));
  }

  /** Reads a network's file. */
  Optional<String> read(ResourceId network, String file) {
    return read(of(network).resolve(file));
  }

  private static Optional<String> read(Path file) {
    try {
      return Optional.of(Files.readString(file));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw failure("read", file, e);
    }
  }

  /** Makes a network's directories. */
  void create(ResourceId network) {
    try {
      createSearchable(directory);
      // These are ours, also if the umask of an earlier process was another.
      for (Path ours : List.of(of(network), hosts(network))) {
        createSearchable(ours);
        if (!Files.getPosixFilePermissions(ours).equals(SEARCHABLE)) {
          Files.setPosixFilePermissions(ours, SEARCHABLE);
        }
      }
    } catch (IOException e) {
      throw failure("create", hosts(network), e);
    }
  }

  /** The umask takes from what a directory is created with; one that is there stays as it is. */
  private static void createSearchable(Path wanted) throws IOException {
    if (Files.isDirectory(wanted)) {
      return;
    }
    if (wanted.getParent() != null) {
      createSearchable(wanted.getParent());
    }
    Files.createDirectories(wanted);
    Files.setPosixFilePermissions(wanted, SEARCHABLE);
  }

  /** Replaces a network's file: after a crash it has the old text or the new one. */
  void write(ResourceId network, String file, String text) {
    write(of(network), file, text);
  }

  private static void write(Path directory, String file, String text) {
    Path temporary = directory.resolve(temporaryName(file));
    try {
      try (FileChannel out = FileChannel.open(
          temporary,
          StandardOpenOption.CREATE,
          StandardOpenOption.TRUNCATE_EXISTING,
          StandardOpenOption.WRITE)) {
        ByteBuffer rest = StandardCharsets.UTF_8.encode(text);
        while (rest.hasRemaining()) {
          out.write(rest);
        }
        out.force(true);
      }
      Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-r--r--"));
      Files.move(temporary, directory.resolve(file), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw failure("write", directory.resolve(file), e);
    }
  }

  void delete(ResourceId network, String file) {
    delete(of(network).resolve(file));
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (DirectoryNotEmptyException e) {
      // somebody still needs it
    } catch (IOException e) {
      throw failure("delete", file, e);
    }
  }

  /** Deletes all of a network's files but those of ports. */
  void deleteServerFiles(ResourceId network) {
    entries(of(network)).stream()
        .filter(file -> !file.getFileName().toString().equals(HOSTS))
        .forEach(NetworkFiles::delete);
    deleteIfUnused(network);
  }

  /** Deletes all of a network's files. */
  void deleteAll(ResourceId network) {
    entries(hosts(network)).forEach(NetworkFiles::delete);
    deleteServerFiles(network);
  }

  private void deleteIfUnused(ResourceId network) {
    if (!Files.exists(of(network).resolve(CONFIGURATION))) {
      delete(hosts(network));
      delete(of(network));
    }
  }

  /** Reads a port's file, whatever network it is with. */
  Optional<String> host(ResourceId network, ResourceId port) {
    return read(hosts(network).resolve(name(port)));
  }

  /** Finds the networks with which a port has a file. */
  Set<ResourceId> networksOf(ResourceId port) {
    return networks().stream()
        .filter(network -> Stream.of(name(port), temporaryName(name(port)))
            .anyMatch(name -> Files.exists(hosts(network).resolve(name))))
        .collect(Collectors.toSet());
  }

  /** Replaces a port's file. */
  void writeHost(ResourceId network, ResourceId port, String text) {
    create(network);
    write(hosts(network), name(port), text);
  }

  /** Deletes a port's file, and the network's directory if nothing else is in it. */
  void deleteHost(ResourceId network, ResourceId port) {
    delete(hosts(network).resolve(name(port)));
    delete(hosts(network).resolve(temporaryName(name(port))));
    deleteIfUnused(network);
  }

  private static N0Exception failure(String verb, Path file, IOException cause) {
    return FileFailures.of(verb + " " + file, file.toString(), cause);
  }
}
