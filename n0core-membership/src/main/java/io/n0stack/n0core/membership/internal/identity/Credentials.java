package io.n0stack.n0core.membership.internal.identity;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.Transport.MutualTls;
import io.n0stack.n0core.membership.Transport.SharedSecret;
import io.n0stack.n0core.membership.internal.identity.FrameSeal.Side;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import io.netty.channel.Channel;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this member proves itself with, and what it demands of others. A certificate names who may
 * use it in its alternative names, as the URI {@code n0core://node/NAME} or, of a member that
 * answers for node records, {@code n0core://registry/NAME}.
 */
public final class Credentials {
  private static final Logger LOG = LoggerFactory.getLogger(Credentials.class);
  private static final String NODE = "n0core://node/";
  private static final String REGISTRY = "n0core://registry/";
  private static final int URI = 6; // RFC 5280, section 4.2.1.6, GeneralName

  /** One reading of the files. */
  private record Loaded(SslContext dialling, SslContext accepting, String key, Set<String> names) {}

  private final Transport transport;
  private volatile Optional<Loaded> loaded = Optional.empty();
  private volatile byte[] secret = new byte[0];
  private volatile int generation;
  private List<Object> stamps = List.of();

  private Credentials(Transport transport) {
    this.transport = transport;
  }

  /**
   * Reads the files.
   *
   * @param transport how members know each other
   * @return what this member proves itself with
   * @throws N0Exception INVALID naming the file and what is wrong with it
   */
  public static Credentials of(Transport transport) {
    Credentials credentials = new Credentials(transport);
    credentials.stamps = credentials.stamps();
    credentials.load();
    return credentials;
  }

  /**
   * Requires that the own certificate is of this name.
   *
   * @param self this member, in its role
   */
  public void requireOwn(Peer self) {
    loaded.ifPresent(own -> {
      if (!allowed(own.names(), self.name(), self.role())) {
        throw N0Exception.invalid(
            "certificates",
            ((MutualTls) transport).certificates(),
            "must have the alternative name URI:" + wanted(self.name(), self.role()) + ", has "
                + own.names());
      }
    });
  }

  /**
   * Returns the own certificate's public key, Base64; empty without certificates.
   *
   * @return the key
   */
  public Optional<String> identityKey() {
    return loaded.map(Loaded::key);
  }

  /**
   * Counts the readings; connections of an earlier one are to be made anew.
   *
   * @return how many there were after the first
   */
  public int generation() {
    return generation;
  }

  /** Reads the files again if they have changed; what cannot be used is reported and not used. */
  public synchronized void refresh() {
    List<Object> now = stamps();
    if (now.equals(stamps)) {
      return;
    }
    stamps = now;
    try {
      load();
      generation++;
      LOG.info("read changed credentials: {}", transport);
    } catch (N0Exception e) {
      LOG.warn("changed credentials are not used: {}", e.getMessage());
    }
  }

  private void load() {
    if (transport instanceof SharedSecret shared) {
      secret = PemFiles.secret("file", shared.file());
    } else if (transport instanceof MutualTls files) {
      loaded = Optional.of(load(files));
    }
  }

  private static Loaded load(MutualTls files) {
    List<X509Certificate> chain = PemFiles.certificates("certificates", files.certificates());
    List<X509Certificate> authorities = PemFiles.certificates("authorities", files.authorities());
    PrivateKey key = PemFiles.key("key", files.key(), chain.get(0));
    try {
      SslContextBuilder dialling = SslContextBuilder.forClient().keyManager(key, chain);
      SslContextBuilder accepting =
          SslContextBuilder.forServer(key, chain).clientAuth(ClientAuth.REQUIRE);
      return new Loaded(
          build(dialling, authorities),
          build(accepting, authorities),
          encoded(chain.get(0)),
          names(chain.get(0)));
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.INVALID, "certificates", "use " + files + ": " + e.getMessage(), e);
    }
  }

  private static SslContext build(SslContextBuilder builder, List<X509Certificate> authorities)
      throws IOException {
    // No sessions are resumed: a certificate is looked at for every connection.
    return builder
        .sslProvider(SslProvider.JDK)
        .protocols("TLSv1.3")
        .trustManager(authorities)
        .sessionCacheSize(1)
        .sessionTimeout(1)
        .build();
  }

  /** What changes with the files, compared as it is: this is asked for ever. */
  private List<Object> stamps() {
    List<Path> files = List.of();
    if (transport instanceof MutualTls tls) {
      files = List.of(tls.certificates(), tls.key(), tls.authorities());
    } else if (transport instanceof SharedSecret shared) {
      files = List.of(shared.file());
    }
    List<Object> found = new ArrayList<>();
    for (Path file : files) {
      try {
        found.add(Files.readAttributes(file, "unix:ino,size,lastModifiedTime,ctime"));
      } catch (IOException e) {
        found.add(e.toString());
      }
    }
    return found;
  }

  /**
   * Returns what encrypts a new connection, if this transport does.
   *
   * @param channel the connection
   * @param side which side this member is on
   * @return the handler, empty without certificates
   */
  public Optional<SslHandler> encryption(Channel channel, Side side) {
    return loaded.map(own ->
        (side == Side.DIALLING ? own.dialling() : own.accepting()).newHandler(channel.alloc()));
  }

  /**
   * Returns what authenticates the frames of a new connection, if this transport does.
   *
   * @param side which side this member is on
   * @param dialling the greeting of the side that dials
   * @param accepting the greeting of the other side
   * @return the seal, empty without a secret
   */
  public Optional<FrameSeal> seal(Side side, byte[] dialling, byte[] accepting) {
    byte[] shared = secret;
    return shared.length == 0
        ? Optional.empty()
        : Optional.of(FrameSeal.of(shared, side, dialling, accepting));
  }

  /**
   * Demands that the other side's certificate is of the name that it claims.
   *
   * @param channel the connection
   * @param claimed who the other side says it is
   * @return who it is, with its key if it has a certificate
   * @throws Refused if the certificate is of another name, or there is none
   */
  public Peer identified(Channel channel, Peer claimed) throws Refused {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls == null) {
      return claimed;
    }
    try {
      Certificate[] chain = tls.engine().getSession().getPeerCertificates();
      X509Certificate certificate = (X509Certificate) chain[0];
      Set<String> names = names(certificate);
      if (!allowed(names, claimed.name(), claimed.role())) {
        throw new Refused(
            Reason.CERTIFICATE,
            "\"" + claimed.name() + "\" needs a certificate for "
                + wanted(claimed.name(), claimed.role()) + ", has one for " + names);
      }
      return claimed.identifiedBy(Optional.of(encoded(certificate)));
    } catch (SSLPeerUnverifiedException e) {
      throw new Refused(Reason.CERTIFICATE, "no certificate: " + e.getMessage());
    }
  }

  private static boolean allowed(Set<String> names, String name, Role role) {
    return names.contains(REGISTRY + name) || (role == Role.NODE && names.contains(NODE + name));
  }

  private static String wanted(String name, Role role) {
    return (role == Role.REGISTRY ? REGISTRY : NODE) + name;
  }

  private static Set<String> names(X509Certificate certificate) {
    Set<String> names = new HashSet<>();
    try {
      Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
      if (alternatives != null) {
        for (List<?> alternative : alternatives) {
          if (alternative.get(0).equals(URI) && alternative.get(1) instanceof String uri) {
            names.add(uri);
          }
        }
      }
    } catch (CertificateParsingException e) {
      LOG.debug("alternative names cannot be read: {}", e.getMessage());
    }
    return names;
  }

  private static String encoded(X509Certificate certificate) {
    return Base64.getEncoder().encodeToString(certificate.getPublicKey().getEncoded());
  }
}
