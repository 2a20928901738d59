package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Transport.MutualTls;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Optional;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** How a stranger comes to a member's port. */
@FunctionalInterface
interface Approach {
  int MILLIS = 10_000;

  /** A connection, with what it is made of. */
  record Line(Socket tcp, InputStream in, OutputStream out) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      tcp.close();
    }
  }

  Line to(HostPort member) throws IOException;

  /** Comes without TLS. */
  static Approach plain() {
    return member -> {
      Socket tcp = connected(member);
      return new Line(tcp, tcp.getInputStream(), tcp.getOutputStream());
    };
  }

  /** Comes over TLS, with a certificate or without, and lets anybody be there. */
  static Approach tls(Optional<MutualTls> own) throws IOException {
    SslContextBuilder builder = SslContextBuilder.forClient()
        .sslProvider(SslProvider.JDK)
        .protocols("TLSv1.3")
        .trustManager(InsecureTrustManagerFactory.INSTANCE);
    if (own.isPresent()) {
      builder.keyManager(own.get().certificates().toFile(), own.get().key().toFile());
    }
    SSLSocketFactory sockets = ((JdkSslContext) builder.build()).context().getSocketFactory();
    return member -> {
      Socket tcp = connected(member);
      SSLSocket tls = (SSLSocket) sockets.createSocket(tcp, member.host(), member.port(), true);
      tls.startHandshake(); // ends before the member has looked at the certificate
      return new Line(tcp, tls.getInputStream(), tls.getOutputStream());
    };
  }

  private static Socket connected(HostPort member) throws IOException {
    Socket tcp = new Socket();
    tcp.setSoTimeout(MILLIS);
    tcp.connect(new InetSocketAddress(member.host(), member.port()), MILLIS);
    return tcp;
  }
}
