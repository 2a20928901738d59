package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Turn;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;

/** Frames from a tap over a bridge to another tap. */
final class TapFrames implements AutoCloseable {
  private static final int FRAME = 1500;
  private static final short ETHERTYPE = (short) 0x88b5; // for experiments: nobody else's
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final Tap first = Tap.create("o-first");
  private final Tap second = Tap.create("o-second");
  private final ByteBuffer there = frame(1, 2);
  private final ByteBuffer back = frame(2, 1);
  private final ByteBuffer arrived = ByteBuffer.allocateDirect(2048);

  private TapFrames() {}

  static List<Figure> measure(Netlink netlink, PeerServer c) throws Exception {
    try (TapFrames frames = new TapFrames()) {
      netlink.bridges().ensure("o-frames", "o-first");
      netlink.bridges().ensure("o-frames", "o-second");
      frames.learn();
      List<Spent> paces = Rounds.inTurn(
          100, Turn.of(2000, frames::carry), new Turn(2000, times -> c.times("frames", times)));
      return List.of(
          Versus.c("1500-byte frames from tap to tap", 1.1, paces.get(0), paces.get(1)),
          Footprint.bytesPer("frame", 0, Footprint.bytes(100_000, frames::carry)));
    }
  }

  private static ByteBuffer frame(int from, int to) {
    return ByteBuffer.allocateDirect(FRAME)
        .put(0, (byte) 2) // locally administered
        .put(5, (byte) to)
        .put(6, (byte) 2)
        .put(11, (byte) from)
        .putShort(12, ETHERTYPE);
  }

  /** Carriers come up a moment later; then the bridge learns where the addresses are. */
  private void learn() throws InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!carry(first, second, there) || !carry(second, first, back)) {
      requireBefore(end);
      Thread.sleep(1);
    }
  }

  private static void requireBefore(long end) {
    if (System.nanoTime() > end) {
      throw new IllegalStateException("a frame does not arrive");
    }
  }

  /** The kernel hands over in the call that sends, unless the link is busy with a frame of its own. */
  private void carry() {
    if (!carry(first, second, there)) {
      long end = System.nanoTime() + LIMIT.toNanos();
      while (!arrived(second)) {
        requireBefore(end);
      }
    }
  }

  private boolean carry(Tap from, Tap to, ByteBuffer frame) {
    if (from.write(frame.rewind()) != FRAME) {
      throw new IllegalStateException("the kernel has no room for a frame");
    }
    return arrived(to);
  }

  private boolean arrived(Tap to) {
    while (to.read(arrived.clear()) > 0) {
      if (arrived.position() == FRAME && arrived.getShort(12) == ETHERTYPE) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    first.close();
    second.close();
  }
}
