package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.TapQueues;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import jnr.ffi.LibraryLoader;

/** Opens taps in a network namespace that QEMU cannot see: the port {@code ethN} has {@code tapN}. */
final class NamespacedTaps implements TapQueues {
  private static final int O_RDWR_CLOEXEC = 0x80002;
  private static final int CLONE_NEWNET = 0x40000000;
  private static final long TUNSETIFF = 0x400454ca;
  private static final short IFF_TAP_NO_PI_VNET_HDR = 0x5002;
  private static final int IFREQ_BYTES = 40;

  /** What the JDK has not. */
  public interface LibC {
    /** See open(2). */
    int open(String path, int flags);

    /** See setns(2). */
    int setns(int fd, int type);

    /** See ioctl(2). */
    int ioctl(int fd, long request, ByteBuffer argument);

    /** See close(2). */
    int close(int fd);
  }

  private static final LibC C = LibraryLoader.create(LibC.class).load("c");

  private final String netns;

  NamespacedTaps(String netns) {
    this.netns = netns;
  }

  @Override
  public Descriptors open(ResourceId port, int queues) {
    assertThat(queues).isEqualTo(1);
    CompletableFuture<Integer> opened = new CompletableFuture<>();
    // A thread of its own, which ends there: it cannot come back for sure.
    Thread there = new Thread(() -> opened.complete(openThere(port.name().replace("eth", "tap"))));
    there.start();
    try {
      int fd = opened.get();
      if (fd < 0) {
        throw new N0Exception(
            N0Exception.Code.BUSY, port.toString(), "open tap of " + port + ": it is held");
      }
      return new One(fd);
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private int openThere(String tap) {
    int namespace = C.open("/var/run/netns/" + netns, O_RDWR_CLOEXEC & ~2);
    if (namespace < 0 || C.setns(namespace, CLONE_NEWNET) != 0) {
      return -1;
    }
    C.close(namespace);
    int fd = C.open("/dev/net/tun", O_RDWR_CLOEXEC);
    // struct ifreq, linux/if.h: a name of 16 bytes, then the flags
    ByteBuffer request = ByteBuffer.allocateDirect(IFREQ_BYTES).order(ByteOrder.nativeOrder());
    request.put(tap.getBytes(StandardCharsets.US_ASCII)).putShort(16, IFF_TAP_NO_PI_VNET_HDR);
    request.rewind();
    if (C.ioctl(fd, TUNSETIFF, request) == 0) {
      return fd;
    }
    C.close(fd);
    return -1;
  }

  private record One(int fd) implements Descriptors {
    @Override
    public List<Integer> numbers() {
      return List.of(fd);
    }

    @Override
    public int vnetHeaderBytes() {
      return 10;
    }

    @Override
    public void close() {
      assertThat(C.close(fd)).isZero();
    }
  }
}
