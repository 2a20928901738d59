package io.n0stack.n0core.membership;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.concurrent.ThreadLocalRandom;

/** An authority for tests, which writes X.509 as DER by hand. See RFC 5280. */
public final class TestCertificates {
  private static final byte[] ECDSA_SHA256 = oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  private final String name;
  private final KeyPair keys = newKeys();
  private final String pem;

  public TestCertificates(String name) {
    this.name = name;
    this.pem = certificate(keys, name, "", 1);
  }

  /** Writes a certificate with an alternative name, its key and this authority's certificate. */
  public Transport.MutualTls issue(Path directory, String uri) {
    return issue(directory, uri, 1);
  }

  public Transport.MutualTls expired(Path directory, String uri) {
    return issue(directory, uri, -1);
  }

  private Transport.MutualTls issue(Path directory, String uri, int days) {
    KeyPair own = newKeys();
    try {
      Files.createDirectories(directory);
      Path certificate = directory.resolve("certificate.pem");
      Path key = directory.resolve("key.pem");
      Path authority = directory.resolve("authority.pem");
      Files.deleteIfExists(key);
      Files.createFile(
          key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(key, pem("PRIVATE KEY", own.getPrivate().getEncoded()));
      Files.writeString(certificate, certificate(own, "member", uri, days));
      Files.writeString(authority, pem);
      return new Transport.MutualTls(certificate, key, authority);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static KeyPair newKeys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(256);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private String certificate(KeyPair subject, String subjectName, String uri, int days) {
    Instant until = Instant.now().plusSeconds(days * 86_400L);
    byte[] constraints = extension(
        oid(0x55, 0x1d, 0x13), der(0x30, uri.isEmpty() ? der(0x01, new byte[] {-1}) : new byte[0]));
    byte[] extension = uri.isEmpty()
        ? constraints
        : concatenated(
            constraints,
            extension(
                oid(0x55, 0x1d, 0x11),
                der(0x30, der(0x86, uri.getBytes(StandardCharsets.US_ASCII)))));
    byte[] body = der(
        0x30,
        der(0xa0, integer(BigInteger.TWO)),
        integer(BigInteger.valueOf(ThreadLocalRandom.current().nextLong(1, Long.MAX_VALUE))),
        der(0x30, ECDSA_SHA256),
        name(name),
        der(
            0x30,
            der(0x18, ascii(TIME.format(until.minusSeconds(3 * 86_400L)))),
            der(0x18, ascii(TIME.format(until)))),
        name(subjectName),
        subject.getPublic().getEncoded(),
        der(0xa3, der(0x30, extension)));
    try {
      Signature signature = Signature.getInstance("SHA256withECDSA");
      signature.initSign(keys.getPrivate());
      signature.update(body);
      byte[] bits = concatenated(new byte[] {0}, signature.sign());
      return pem("CERTIFICATE", der(0x30, body, der(0x30, ECDSA_SHA256), der(0x03, bits)));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] extension(byte[] id, byte[] value) {
    return der(0x30, id, der(0x04, value));
  }

  private static byte[] name(String common) {
    return der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, ascii(common)))));
  }

  private static byte[] integer(BigInteger value) {
    return der(0x02, value.toByteArray());
  }

  private static byte[] oid(int... bytes) {
    byte[] encoded = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      encoded[i] = (byte) bytes[i];
    }
    return der(0x06, encoded);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] der(int tag, byte[]... parts) {
    byte[] content = concatenated(parts);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    if (content.length < 0x80) {
      out.write(content.length);
    } else {
      byte[] length = BigInteger.valueOf(content.length).toByteArray();
      int skip = length[0] == 0 ? 1 : 0;
      out.write(0x80 | (length.length - skip));
      out.write(length, skip, length.length - skip);
    }
    out.writeBytes(content);
    return out.toByteArray();
  }

  private static byte[] concatenated(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private static String pem(String kind, byte[] der) {
    return "-----BEGIN " + kind + "-----\n"
        + Base64.getMimeEncoder(64, ascii("\n")).encodeToString(der)
        + "\n-----END " + kind + "-----\n";
  }
}
