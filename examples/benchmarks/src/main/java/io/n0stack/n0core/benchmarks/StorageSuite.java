package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Paces;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.nio.file.Path;
import java.util.List;

/** The qcow2 reader against {@code qemu-img}. */
final class StorageSuite implements Suite {
  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    String image = scratch.resolve("root.qcow2").toString();
    Peer.run("qemu-img", "create", "-q", "-f", "qcow2", image, "10G");
    Paces paces = Rounds.inTurn(
        200,
        () -> requireSize(Qcow2Header.read(Path.of(image)).sizeBytes()),
        1,
        () -> Peer.run("qemu-img", "info", "-f", "qcow2", "--output=json", image));
    return List.of(new Figure(
        "storage: read a qcow2 header",
        paces.ratio(),
        "x",
        200,
        Figure.Direction.AT_LEAST,
        paces.detail("qemu-img info")));
  }

  private static void requireSize(long bytes) {
    if (bytes != 10L << 30) {
      throw new IllegalStateException("an image of 10 GiB is read as one of " + bytes + " bytes");
    }
  }
}
