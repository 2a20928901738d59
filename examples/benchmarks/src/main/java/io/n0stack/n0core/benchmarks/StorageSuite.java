package io.n0stack.n0core.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Images read, made, copied and downloaded: against {@code qemu-img}, {@code cp} and {@code curl} as
 * an agent would start them, and against the same system calls in C.
 */
final class StorageSuite implements Suite {
  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    Path memory = Path.of(System.getProperty("n0core.benchmarks.memory", scratch.toString()));
    Path program = Peer.compiled("storage", scratch);
    List<Figure> figures = new ArrayList<>();
    try (PeerServer c = PeerServer.start(program)) {
      figures.addAll(new InspectFigures(Files.createTempDirectory(memory, "inspect")).measure());
      figures.addAll(new CreateFigures(
              c, Files.createTempDirectory(memory, "create"), scratch.resolve("create"))
          .measure());
      figures.addAll(
          new CopyFigures(c, Files.createTempDirectory(memory, "copy"), scratch).measure());
    }
    figures.addAll(DownloadFigures.measure(
        program,
        Files.createTempDirectory(memory, "download"),
        Files.createDirectory(scratch.resolve("download"))));
    return figures;
  }
}
