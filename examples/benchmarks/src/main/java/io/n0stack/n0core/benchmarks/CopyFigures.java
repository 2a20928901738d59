package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.FileDraft;
import io.n0stack.n0core.storage.file.FileProgress;
import io.n0stack.n0core.storage.file.SparseCopy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Full clones of an image of 4 GiB that has 256 MiB of data, against {@code cp}, and where blocks can be shared. */
final class CopyFigures {
  private static final long SIZE = 4L << 30;
  private static final int PIECES = 64;
  private static final int PIECE = 4 << 20;
  private static final DurableFiles FILES = new DurableFiles();
  private final PeerServer c;
  private final Path memory;
  private final Path disk;

  CopyFigures(PeerServer c, Path memory, Path disk) {
    this.c = c;
    this.memory = memory;
    this.disk = disk;
  }

  List<Figure> measure() throws Exception {
    List<Figure> figures = new ArrayList<>();
    figures.add(copies("full clone in memory", 12, memory));
    figures.add(copies("full clone on disk", 6, Files.createDirectory(disk.resolve("copy"))));
    figures.addAll(reflinks());
    return figures;
  }

  private static Figure copies(String what, int rounds, Path directory) throws Exception {
    Path source = sparse(directory.resolve("source"));
    List<Spent> paces = Rounds.inTurn(
        rounds,
        NewFiles.turn(1, directory, file -> copy(source, file)),
        NewFiles.turn(1, directory, file -> cp(source, file)));
    Files.delete(source);
    return new Against("cp", paces.get(1)).over(what, 1.15, paces.get(0));
  }

  /** Not synced, like those it is compared with. */
  private static void copy(Path source, Path file) throws IOException {
    try (FileDraft draft = FILES.draft(file.resolveSibling("drafted"))) {
      long copied = SparseCopy.into(source, draft, FileProgress.NONE).sizeBytes();
      if (copied != SIZE) {
        throw new IllegalStateException(copied + " bytes are copied, not " + SIZE);
      }
      // Where the others leave theirs, to be removed when the time has been taken.
      Files.createLink(file, draft.path());
    }
  }

  private static void cp(Path source, Path file) throws IOException, InterruptedException {
    Peer.run("cp", "--reflink=auto", "--sparse=auto", source.toString(), file.toString());
  }

  /** On xfs in a file; the mount and the loop device go with the mount. */
  private List<Figure> reflinks() throws Exception {
    Path image = disk.resolve("xfs.raw");
    Path mounted = Files.createDirectory(disk.resolve("xfs"));
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(1), SIZE / 2 - 1);
    }
    Peer.run("mkfs.xfs", "-q", "-m", "reflink=1", image.toString());
    Peer.run("mount", "-o", "loop", image.toString(), mounted.toString());
    try {
      return reflinks(mounted);
    } finally {
      Peer.run("umount", mounted.toString());
      Files.delete(image);
    }
  }

  private List<Figure> reflinks(Path directory) throws Exception {
    Path source = sparse(directory.resolve("source"));
    Peer.run("sync", "-f", source.toString());
    List<Spent> paces = Rounds.inTurn(
        60,
        NewFiles.turn(2, directory, file -> copy(source, file)),
        new Rounds.Turn(2, times -> c.times("reflink", times, source, directory)),
        NewFiles.turn(1, directory, file -> cp(source, file)));
    return List.of(
        new Against("FICLONE in C", paces.get(1)).over("full clone by reflink", 2, paces.get(0)),
        new Against("cp", paces.get(2)).over("full clone by reflink", 1.15, paces.get(0)));
  }

  private static Path sparse(Path path) throws IOException {
    byte[] data = new byte[PIECE];
    Random random = new Random(1);
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int i = 0; i < PIECES; i++) {
        random.nextBytes(data);
        ByteBuffer left = ByteBuffer.wrap(data);
        // The last piece ends with the file.
        long at = SIZE / PIECES * (i + 1) - PIECE;
        while (left.hasRemaining()) {
          file.write(left, at + left.position());
        }
      }
    }
    return path;
  }
}
