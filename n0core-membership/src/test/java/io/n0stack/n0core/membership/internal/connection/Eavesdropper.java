package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Takes connections in a member's place, hands on what goes over them in both directions, and keeps it. */
final class Eavesdropper {
  private static final int MOST = 1 << 20; // of each direction of a connection

  private final ServerSocket server;
  private final HostPort member;
  private final List<ByteArrayOutputStream> kept = new CopyOnWriteArrayList<>();

  private Eavesdropper(ServerSocket server, HostPort member) {
    this.server = server;
    this.member = member;
  }

  /** Begins to stand between whoever comes to an address and a member. */
  static Eavesdropper between(HostPort at, HostPort member) throws IOException {
    ServerSocket server = new ServerSocket(at.port(), 64, InetAddress.getByName(at.host()));
    Eavesdropper eavesdropper = new Eavesdropper(server, member);
    daemon(eavesdropper::accept);
    return eavesdropper;
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "eavesdrops");
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (true) {
      try {
        hear(server.accept());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void hear(Socket caller) throws IOException {
    try {
      Socket called = new Socket(member.host(), member.port());
      pump(caller, called);
      pump(called, caller);
    } catch (ConnectException e) {
      caller.close(); // the member is not there
    }
  }

  private void pump(Socket from, Socket to) {
    ByteArrayOutputStream heard = new ByteArrayOutputStream();
    kept.add(heard);
    daemon(() -> {
      byte[] buffer = new byte[8192];
      try (from;
          to) {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        int read = in.read(buffer);
        while (read > 0) {
          if (heard.size() < MOST) {
            heard.write(buffer, 0, read);
          }
          out.write(buffer, 0, read);
          read = in.read(buffer);
        }
      } catch (IOException e) {
        // one of them has closed, and with it the other
      }
    });
  }

  /** Lists what was said by now, by callers and by the member, each direction of a connection by itself. */
  List<byte[]> heard() {
    List<byte[]> heard = new ArrayList<>();
    for (ByteArrayOutputStream one : kept) {
      byte[] bytes = one.toByteArray();
      if (bytes.length > 0) {
        heard.add(bytes);
      }
    }
    return heard;
  }
}
