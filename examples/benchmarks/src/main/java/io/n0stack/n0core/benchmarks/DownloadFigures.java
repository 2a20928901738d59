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

/** An image downloaded from loopback and verified, against {@code curl} and {@code sha256sum}: into memory, and onto disk, durably. */
final class DownloadFigures {
  private static final int MIB = 1 << 20;
  private static final int SIZE_MIB = 256;

  private DownloadFigures() {}

  static List<Figure> measure(Path program, Path memory, Path disk) throws Exception {
    Path source = random(memory.resolve("source"));
    String sum = sha256(source);
    Process server = Peer.start(List.of(program.toString(), "serve", source.toString()));
    try (BufferedReader said = server.inputReader();
        ImageFetcher fetcher = ImageFetcher.standard()) {
      String address = "http://127.0.0.1:" + said.readLine() + "/image";
      FetchRequest request = FetchRequest.of(
          URI.create(address),
          ContentRules.builder().digest(Digest.parse("sha256:" + sum)).build());
      Rounds.Side settle = () -> Peer.run("sync", "--file-system", disk.toString());
      List<Spent> inMemory = Rounds.inTurn(
          8,
          NewFiles.turn(1, memory, file -> fetcher.fetch(request, file)),
          NewFiles.turn(1, memory, file -> curl(address, file, sum)));
      List<Spent> onDisk = Rounds.inTurn(
          8,
          settled(NewFiles.turn(1, disk, file -> fetcher.fetch(request, file)), settle),
          settled(NewFiles.turn(1, disk, file -> durableCurl(address, file, sum)), settle));
      return List.of(
          new Against("curl, sha256sum", inMemory.get(1))
              .faster("download " + SIZE_MIB + " MiB, verified", 2, inMemory.get(0)),
          new Against("curl, sha256sum, sync", onDisk.get(1))
              .faster("download " + SIZE_MIB + " MiB, verified, durable", 2, onDisk.get(0)));
    } finally {
      server.destroyForcibly().onExit().join();
    }
  }

  /** Else whoever comes next waits for what this one's disk still has to do. */
  private static Rounds.Turn settled(Rounds.Turn turn, Rounds.Side settle) {
    return new Rounds.Turn(turn.operations(), times -> {
      Spent spent = turn.contender().times(times);
      settle.run();
      return spent;
    });
  }

  private static void durableCurl(String address, Path file, String sum)
      throws IOException, InterruptedException {
    curl(address, file, sum);
    Peer.run("sync", "--data", file.toString());
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
