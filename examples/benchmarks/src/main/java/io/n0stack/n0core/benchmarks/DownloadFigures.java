package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.storage.fetch.ContentRules;
import io.n0stack.n0core.storage.fetch.Digest;
import io.n0stack.n0core.storage.fetch.FetchRequest;
import io.n0stack.n0core.storage.fetch.ImageFetcher;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;

/** An image downloaded from loopback into memory and verified, against {@code curl} and {@code sha256sum}. */
final class DownloadFigures {
  private static final int MIB = 1 << 20;
  private static final int SIZE_MIB = 256;

  private DownloadFigures() {}

  static List<Figure> measure(Path program, Path directory) throws Exception {
    Path source = random(directory.resolve("source"));
    String sum = sha256(source);
    Process server = Peer.start(List.of(program.toString(), "serve", source.toString()));
    try (BufferedReader said = server.inputReader();
        ImageFetcher fetcher = ImageFetcher.standard()) {
      String address = "http://127.0.0.1:" + said.readLine() + "/image";
      FetchRequest request = FetchRequest.of(
          URI.create(address),
          ContentRules.builder().digest(Digest.parse("sha256:" + sum)).build());
      List<Spent> paces = Rounds.inTurn(
          8,
          NewFiles.turn(1, directory, file -> fetcher.fetch(request, file)),
          NewFiles.turn(1, directory, file -> curl(address, file, sum)));
      return List.of(new Against("curl, sha256sum", paces.get(1))
          .faster("download " + SIZE_MIB + " MiB, verified", 2, paces.get(0)));
    } finally {
      server.destroyForcibly().onExit().join();
    }
  }

  private static void curl(String address, Path file, String sum)
      throws IOException, InterruptedException {
    Peer.run("curl", "--silent", "--fail", "--output", file.toString(), address);
    if (!sha256(file).equals(sum)) {
      throw new IOException("curl downloads something else");
    }
  }

  private static String sha256(Path file) throws IOException, InterruptedException {
    return Peer.run("sha256sum", file.toString()).substring(0, 64);
  }

  private static Path random(Path path) throws IOException {
    byte[] data = new byte[MIB];
    Random random = new Random(1);
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int i = 0; i < SIZE_MIB; i++) {
        random.nextBytes(data);
        ByteBuffer left = ByteBuffer.wrap(data);
        while (left.hasRemaining()) {
          file.write(left);
        }
      }
    }
    return path;
  }
}
