package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The TCP ports at which a process listens: QEMU does not say which one the kernel gave its NBD server. */
final class ListeningPorts {
  private static final String LISTEN = "0A"; // TCP_LISTEN, net/tcp_states.h
  private static final int LOCAL = 1;
  private static final int STATE = 3;
  private static final int INODE = 9;
  private static final int HEX = 16;

  private ListeningPorts() {}

  static Set<Integer> of(long pid) {
    Path process = Path.of("/proc", String.valueOf(pid));
    try {
      Set<String> sockets = sockets(process.resolve("fd"));
      Set<Integer> ports = new TreeSet<>();
      for (String table : List.of("tcp", "tcp6")) {
        Path file = process.resolve("net").resolve(table); // of the process's own namespace
        if (Files.exists(file)) {
          Files.readAllLines(file).stream()
              .map(line -> line.strip().split("\\s+"))
              .filter(fields -> fields.length > INODE
                  && fields[STATE].equals(LISTEN)
                  && sockets.contains("socket:[" + fields[INODE] + "]"))
              .map(fields -> fields[LOCAL].substring(fields[LOCAL].indexOf(':') + 1))
              .forEach(port -> ports.add(Integer.parseInt(port, HEX)));
        }
      }
      return ports;
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "qemu " + pid,
          "look at the sockets of process " + pid + ": " + e,
          e);
    }
  }

  private static Set<String> sockets(Path descriptors) throws IOException {
    Set<String> all = new HashSet<>();
    try (DirectoryStream<Path> links = Files.newDirectoryStream(descriptors)) {
      for (Path link : links) {
        try {
          all.add(Files.readSymbolicLink(link).toString());
        } catch (NoSuchFileException e) {
          // It was closed while we looked.
        }
      }
      return all;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }
}
