package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.TapQueues;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import jnr.ffi.LibraryLoader;

/** One tap with any number of queues, or with one, in a network namespace that QEMU cannot see. */
final class QueuedTap implements TapQueues {
  private static final int O_RDWR_CLOEXEC = 0x80002;
  private static final int O_RDONLY_CLOEXEC = 0x80000;
  private static final int CLONE_NEWNET = 0x40000000;
  private static final long TUNSETIFF = 0x400454ca;
  private static final short IFF_TAP_NO_PI_VNET_HDR = 0x5002;
  private static final short IFF_MULTI_QUEUE = 0x100;
  private static final int IFREQ_BYTES = 40;
  private static final NamespacedTaps.LibC C =
      LibraryLoader.create(NamespacedTaps.LibC.class).load("c");

  final String name;
  private final String netns;

  private QueuedTap(String netns, String name) {
    this.netns = netns;
    this.name = name;
  }

  /** Makes it, with flags such as {@code multi_queue}. */
  static QueuedTap make(ResourceId id, String... flags) throws Exception {
    String unique = id.uid().toString().substring(0, 8);
    QueuedTap tap = new QueuedTap("n0kvm-" + unique, "tap" + unique);
    Host.run("ip", "netns", "add", tap.netns);
    List<String> add = new ArrayList<>(
        List.of("ip", "-n", tap.netns, "tuntap", "add", "dev", tap.name, "mode", "tap"));
    add.add("vnet_hdr");
    add.addAll(List.of(flags));
    Host.run(add.toArray(String[]::new));
    Host.run("ip", "-n", tap.netns, "addr", "add", "10.77.0.1/24", "dev", tap.name);
    Host.run("ip", "-n", tap.netns, "link", "set", tap.name, "up");
    return tap;
  }

  String ping() throws Exception {
    return Host.run("ip", "netns", "exec", netns, "ping", "-c", "3", "-w", "30", "10.77.0.2");
  }

  void remove() throws Exception {
    Host.run("ip", "netns", "del", netns);
  }

  /** Counts the descriptors that this process and those of machines have of it. */
  int held() throws Exception {
    String script = "for p in " + ProcessHandle.current().pid() + " $(pgrep qemu-system); do"
        + " grep -ls 'iff:.*" + name + "' /proc/$p/fdinfo/*; done | wc -l";
    return Integer.parseInt(Host.run("sh", "-c", script).strip());
  }

  @Override
  public Descriptors open(ResourceId port, int queues) {
    List<Integer> opened = new ArrayList<>();
    try {
      if (held() > 0) {
        throw failure(N0Exception.Code.BUSY, "it is held");
      }
      for (int i = 0; i < queues; i++) {
        CompletableFuture<Integer> one = new CompletableFuture<>();
        // A thread of its own, which ends there: it cannot come back for sure.
        new Thread(() -> one.complete(openThere(queues))).start();
        opened.add(one.get());
      }
    } catch (N0Exception e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    Queues all = new Queues(List.copyOf(opened));
    if (opened.contains(-1)) {
      all.close();
      throw failure(N0Exception.Code.PRECONDITION, "it has not " + queues + " queues");
    }
    return all;
  }

  private N0Exception failure(N0Exception.Code code, String why) {
    return new N0Exception(code, name, "open tap \"" + name + "\": " + why);
  }

  private int openThere(int queues) {
    int namespace = C.open("/var/run/netns/" + netns, O_RDONLY_CLOEXEC);
    if (namespace < 0 || C.setns(namespace, CLONE_NEWNET) != 0) {
      return -1;
    }
    C.close(namespace);
    int fd = C.open("/dev/net/tun", O_RDWR_CLOEXEC);
    int flags = IFF_TAP_NO_PI_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
    // struct ifreq, linux/if.h: a name of 16 bytes, then the flags
    ByteBuffer request = ByteBuffer.allocateDirect(IFREQ_BYTES).order(ByteOrder.nativeOrder());
    request.put(name.getBytes(StandardCharsets.US_ASCII)).putShort(16, (short) flags);
    request.rewind();
    if (C.ioctl(fd, TUNSETIFF, request) == 0) {
      return fd;
    }
    C.close(fd);
    return -1;
  }

  private record Queues(List<Integer> numbers) implements Descriptors {
    @Override
    public int vnetHeaderBytes() {
      return 10;
    }

    @Override
    public void close() {
      numbers.stream().filter(fd -> fd >= 0).forEach(C::close);
    }
  }
}
