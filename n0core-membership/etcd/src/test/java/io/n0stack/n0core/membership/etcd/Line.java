package io.n0stack.n0core.membership.etcd;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A line to a server on loopback that a test can cut, or make deaf in one direction. */
final class Line implements AutoCloseable {
  /** What becomes of bytes. */
  enum State {
    OPEN,
    /** What the client sends arrives; what the server answers is lost. */
    ANSWERS_LOST,
    /** No connection lives. */
    CUT
  }

  private final ServerSocket listening;
  private final int target;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private volatile State state = State.OPEN;

  Line(int target) {
    this.target = target;
    try {
      listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    daemon(this::accept);
  }

  String address() {
    return "127.0.0.1:" + listening.getLocalPort();
  }

  void become(State next) {
    state = next;
    if (next != State.ANSWERS_LOST) {
      hangUp(); // what was lost stays lost: a connection with a hole in it is of no use
    }
  }

  private void hangUp() {
    sockets.forEach(Line::shut);
    sockets.clear();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        if (state == State.CUT) {
          shut(client);
          continue;
        }
        Socket server = new Socket(EtcdCluster.HOST, target);
        sockets.add(client);
        sockets.add(server);
        daemon(() -> copy(client, server, true));
        daemon(() -> copy(server, client, false));
      }
    } catch (IOException e) {
      hangUp();
    }
  }

  private void copy(Socket from, Socket to, boolean request) {
    byte[] buffer = new byte[1 << 16];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      int read = in.read(buffer);
      while (read > 0) {
        if (request || state == State.OPEN) {
          out.write(buffer, 0, read);
          out.flush();
        }
        read = in.read(buffer);
      }
    } catch (IOException e) {
      shut(from);
    } finally {
      shut(from);
      shut(to);
    }
  }

  private static void shut(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "line");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() {
    try {
      listening.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    hangUp();
  }
}
