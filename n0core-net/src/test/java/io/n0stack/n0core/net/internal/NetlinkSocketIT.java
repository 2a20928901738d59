package io.n0stack.n0core.net.internal;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import jnr.constants.platform.Errno;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a process that may administer the network could send us, netlink(7). */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class NetlinkSocketIT {
  private static final LibC C = LibC.INSTANCE;
  private static final int AF_NETLINK = 16; // bits/socket.h
  private static final int SOCK_RAW_CLOEXEC = 0x80003;
  private static final int SOCKADDR = 12; // struct sockaddr_nl, linux/netlink.h
  private static final int RTNLGRP_LINK = 1;

  private NetlinkSocket socket;
  private int stranger;

  @BeforeEach
  void open() {
    socket = NetlinkSocket.open(Wire.NETLINK_ROUTE);
    stranger = C.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, Wire.NETLINK_ROUTE);
  }

  @AfterEach
  void close() {
    SystemCalls.close(stranger);
    socket.close();
  }

  @Test
  void whatAnotherProcessSendsIsRefusedByTheKernel() {
    int errno = strangerSends(socket.portId(), 0);

    assertThat(errno).isEqualTo(Errno.ECONNREFUSED.intValue());
  }

  @Test
  void whatAnotherProcessTellsAGroupBearsItsNumber() {
    socket.join(RTNLGRP_LINK);

    int errno = strangerSends(0, RTNLGRP_LINK);

    assertThat(errno).isZero();
    int length =
        socket.receive("hear", System.nanoTime() + Duration.ofSeconds(10).toNanos());
    assertThat(length).isEqualTo(Wire.NLMSG_HEADER);
    assertThat(socket.sender()).isNotZero().isNotEqualTo(socket.portId());
  }

  /** Returns the error number, 0 if it was sent. */
  private int strangerSends(int portId, int groups) {
    NativeBuffer memory = NativeBuffer.allocate(64);
    memory.bytes().putShort(0, (short) AF_NETLINK).putInt(4, portId).putInt(8, groups);
    assertThat(C.connect(stranger, memory.address(), SOCKADDR)).isZero();
    memory.bytes().putInt(0, Wire.NLMSG_HEADER).putInt(4, Wire.NLMSG_NOOP).putInt(8, 1);
    long sent = C.send(stranger, memory.address(), Wire.NLMSG_HEADER, 0);
    return sent < 0 ? SystemCalls.errno() : 0;
  }
}
