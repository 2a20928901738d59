package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.NewFile;
import io.n0stack.n0core.storage.qcow2.Qcow2Creator;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qcow2.Qcow2Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * New images and linked clones, against {@code qemu-img create} and the same writes in C: in memory,
 * where syncs cost nothing, and on disk, where each is durable.
 */
final class CreateFigures {
  private static final long SIZE = 10L << 30;
  private static final int BATCH = 1000;
  private static final int WARM_UP = 10_000;
  private final PeerServer c;
  private final Path memory;
  private final Path disk;
  private final DurableFiles files = new DurableFiles();
  private int turns;

  CreateFigures(PeerServer c, Path memory, Path disk) {
    this.c = c;
    this.memory = memory;
    this.disk = disk;
  }

  List<Figure> measure() throws Exception {
    Place inMemory = Place.in(memory);
    Place onDisk = Place.in(disk);
    // So few are made on disk that the compiler would see them for the first time there.
    Spent unused = NewFiles.by(WARM_UP, inMemory.ours, file -> make(file, inMemory.linked));
    List<Figure> figures = new ArrayList<>();
    figures.add(inMemory.unsynced("create", inMemory.empty, 150, this));
    figures.add(inMemory.unsynced("clone", inMemory.linked, 80, this));
    figures.addAll(onDisk.durable("create", onDisk.empty, this));
    figures.addAll(onDisk.durable("clone", onDisk.linked, this));
    figures.add(batch(onDisk));
    return figures;
  }

  /**
   * How one sort of image is made.
   *
   * @param sample one that ours made, whose writes C repeats
   * @param base what it is linked to; empty for nothing
   * @param options what ours needs to know, looked up each time
   * @param before the words of {@code qemu-img} before the file's name
   * @param after those after it
   */
  private record Sort(
      Path sample, String base, Options options, List<String> before, List<String> after) {
    void qemuImg(Path file) throws IOException, InterruptedException {
      List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
      command.addAll(before);
      command.add(file.toString());
      command.addAll(after);
      Peer.run(command.toArray(String[]::new));
    }
  }

  /** Tells how to make an image. */
  private interface Options {
    Qcow2Options get();
  }

  /**
   * A directory with samples.
   *
   * @param ours where ours makes files
   * @param theirs where the others do
   * @param empty how an image of its own is made
   * @param linked how a clone is
   */
  private record Place(Path ours, Path theirs, Sort empty, Sort linked) {
    static Place in(Path directory) throws IOException, InterruptedException {
      Path ours = Files.createDirectories(directory.resolve("ours"));
      Path theirs = Files.createDirectories(directory.resolve("theirs"));
      Path base = directory.resolve("base.qcow2");
      Peer.run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "10G");
      Options plain = () -> Qcow2Options.of(SIZE);
      Options linking = () -> Qcow2Options.builder(Qcow2Header.read(base).sizeBytes())
          .backing(base, ImageFormat.QCOW2)
          .build();
      List<String> backing = List.of("-b", base.toString(), "-F", "qcow2");
      return new Place(
          ours,
          theirs,
          sort(directory.resolve("empty.qcow2"), "", plain, List.of(), List.of("10G")),
          sort(directory.resolve("linked.qcow2"), base.toString(), linking, backing, List.of()));
    }

    private static Sort sort(
        Path sample, String base, Options options, List<String> before, List<String> after)
        throws IOException, InterruptedException {
      Qcow2Creator.create(sample, options.get());
      Peer.run("qemu-img", "check", "-q", "-f", "qcow2", sample.toString());
      return new Sort(sample, base, options, before, after);
    }

    Figure unsynced(String what, Sort sort, double bound, CreateFigures figures) throws Exception {
      List<Spent> paces = Rounds.inTurn(
          60,
          NewFiles.turn(50, ours, file -> Qcow2Creator.create(file, sort.options.get())),
          figures.inC(50, what, sort, theirs),
          NewFiles.turn(1, theirs, sort::qemuImg));
      requireSame(sort);
      return new Against("qemu-img", paces.get(2))
          .faster(what + ", not synced", bound, paces.get(0), new Against("C", paces.get(1)));
    }

    List<Figure> durable(String what, Sort sort, CreateFigures figures) throws Exception {
      List<Spent> paces = Rounds.inTurn(
          150,
          NewFiles.durableTurn(1, "durable-" + what, ours, file -> figures.make(file, sort)),
          figures.inC(1, what.equals("create") ? "durable" : "cloned", sort, theirs),
          NewFiles.durableTurn(1, "qemu-img-" + what, theirs, sort::qemuImg));
      requireSame(sort);
      return List.of(
          new Against("qemu-img", paces.get(2)).faster(what + ", durable", 9, paces.get(0)),
          new Against("C", paces.get(1)).over(what + ", durable", 1.3, paces.get(0)));
    }

    /** Else it was not the same that C did. */
    private void requireSame(Sort sort) throws IOException {
      if (Files.mismatch(sort.sample, theirs.resolve("kept0")) >= 0) {
        throw new IllegalStateException("C makes another image than ours: " + sort.sample);
      }
    }
  }

  private void make(Path file, Sort sort) {
    Qcow2Options options = sort.options.get();
    files.create(file, channel -> Qcow2Creator.write(channel, options));
  }

  private Rounds.Turn inC(int count, String verb, Sort sort, Path directory) {
    return new Rounds.Turn(count, times -> c.times(verb, times, sort.sample, directory, sort.base));
  }

  /** A thousand clones made durable together, and each for itself. */
  private Figure batch(Place place) throws Exception {
    Sort sort = place.linked;
    List<Spent> paces = Rounds.inTurn(
        3,
        new Rounds.Turn(BATCH, times -> together(times, place)),
        new Rounds.Turn(BATCH, times -> oneByOne(times, place)),
        new Rounds.Turn(BATCH, times -> c.times("batch", times, sort.sample, place.theirs)));
    place.requireSame(sort);
    return new Against("one by one", paces.get(1))
        .faster("1000 clones in a batch", 2, paces.get(0), new Against("C", paces.get(2)));
  }

  private Spent oneByOne(int times, Place place) throws Exception {
    Path[] paths = NewFiles.paths("single" + turns++ + "-", times, place.ours);
    int[] made = new int[1];
    return Spent.by(times, () -> make(paths[made[0]++], place.linked));
  }

  private Spent together(int times, Place place) throws Exception {
    Path[] paths = NewFiles.paths("batch" + turns++ + "-", times, place.ours);
    return Spent.by(1, () -> {
      Qcow2Options options = place.linked.options.get();
      files.createAll(Arrays.stream(paths)
          .map(file -> new NewFile(file, channel -> Qcow2Creator.write(channel, options)))
          .toList());
    });
  }
}
