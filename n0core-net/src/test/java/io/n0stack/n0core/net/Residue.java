package io.n0stack.n0core.net;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.nft.Nft;
import io.n0stack.n0core.tck.DriverFixture;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * All links of the namespace with their addresses and aliases, its nftables, and the files and DHCP
 * servers of a directory, read on connections of its own.
 */
final class Residue {
  private Residue() {}

  static List<String> lines() {
    try (Netlink netlink = Netlink.open()) {
      return netlink.links().list().stream()
          .map(link -> link.name() + " " + link.alternativeNames() + " "
              + link.alias().orElse("") + " " + netlink.addresses().of(link.index()))
          .sorted()
          .toList();
    }
  }

  static List<String> lines(Path directory) {
    return Stream.of(lines(), tables(), files(directory), processes(directory))
        .flatMap(List::stream)
        .sorted()
        .toList();
  }

  private static List<String> tables() {
    try (Nft nft = Nft.open()) {
      return nft.tables().stream().map(id -> String.valueOf(nft.find(id))).toList();
    }
  }

  private static List<String> files(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(file -> !file.equals(directory)).map(Path::toString).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The processes that have something below a directory among their arguments. */
  static List<String> processes(Path directory) {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.filter(path -> path.getFileName().toString().matches("[0-9]+"))
          .map(Residue::commandLine)
          .filter(line -> line.contains("dnsmasq\0") && line.contains(directory + "/"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String commandLine(Path process) {
    try {
      return new String(
          Files.readAllBytes(process.resolve("cmdline")), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return ""; // it has just ended
    }
  }

  /** A bridge that has the name, and one that has half of a stamp. */
  static DriverFixture.Undo plantForeign(ResourceId near) {
    try (Netlink netlink = Netlink.open()) {
      List<Link> planted = List.of(
          netlink.links().create(LinkSpec.bridge(near.name()).withAlias("somebody's")),
          netlink
              .links()
              .create(LinkSpec.bridge("foreign")
                  .withAlias("n0core:" + near.kind() + ":" + near.name() + ":1234::")));
      return () -> {
        try (Netlink other = Netlink.open()) {
          planted.forEach(link -> other.links().delete(link.index()));
        }
      };
    }
  }
}
