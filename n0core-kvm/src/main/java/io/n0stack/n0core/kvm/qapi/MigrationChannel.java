package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * What a guest's state is sent through.
 *
 * @since 0.1
 */
public sealed interface MigrationChannel {
  /**
   * Returns the channel as QEMU takes it.
   *
   * @return a text such as {@code unix:/run/migration}
   */
  String uri();

  /**
   * A TCP connection.
   *
   * @param host an address or a name; IP version 6 without brackets
   * @param port the port, 0 at a target for any free one
   * @since 0.1
   */
  record Tcp(String host, int port) implements MigrationChannel {
    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9._:%-]{1,255}");

    /** Checks the values. */
    public Tcp {
      if (!HOST.matcher(host).matches()) {
        throw N0Exception.invalid("host", host, "must be an address or a name");
      }
      Rules.range("port", port, 0, 65_535);
    }

    @Override
    public String uri() {
      return "tcp:" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
  }

  /**
   * A Unix socket.
   *
   * @param path its path
   * @since 0.1
   */
  record Unix(Path path) implements MigrationChannel {
    /** Checks the path. */
    public Unix {
      Rules.absolutePath("path", path);
    }

    @Override
    public String uri() {
      return "unix:" + path;
    }
  }

  /**
   * A socket, pipe or file that QEMU was given.
   *
   * @param name the name by which it was given
   * @since 0.1
   */
  record Descriptor(String name) implements MigrationChannel {
    /** Checks the name. */
    public Descriptor {
      Rules.text("name", name, 255);
    }

    @Override
    public String uri() {
      return "fd:" + name;
    }
  }

  /**
   * A shell command's input or output. QEMU cannot start it in a sandbox that denies processes.
   *
   * @param line the shell's line, which must not contain anything that is not trusted
   * @since 0.1
   */
  record Command(String line) implements MigrationChannel {
    /** Checks the line. */
    public Command {
      Rules.text("line", line, 65_536);
    }

    @Override
    public String uri() {
      return "exec:" + line;
    }
  }
}
