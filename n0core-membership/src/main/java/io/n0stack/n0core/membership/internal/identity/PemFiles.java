package io.n0stack.n0core.membership.internal.identity;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Reads certificates, keys and secrets from files. */
final class PemFiles {
  private static final int MOST_BYTES = 256 << 10;
  private static final int LEAST_SECRET = 16;
  private static final int MOST_SECRET = 1024;
  private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String END = "-----END PRIVATE KEY-----";

  private PemFiles() {}

  static List<X509Certificate> certificates(String field, Path file) {
    List<X509Certificate> found = new ArrayList<>();
    try (InputStream in = new ByteArrayInputStream(read(field, file))) {
      for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        found.add((X509Certificate) one);
      }
    } catch (GeneralSecurityException | IOException e) {
      throw bad(field, file, "must hold PEM certificates: " + e.getMessage(), e);
    }
    if (found.isEmpty()) {
      throw N0Exception.invalid(field, file, "must hold at least one PEM certificate");
    }
    return List.copyOf(found);
  }

  /** Reads the key that belongs to a certificate. */
  static PrivateKey key(String field, Path file, X509Certificate certificate) {
    requirePrivate(field, file);
    String text = new String(read(field, file), StandardCharsets.US_ASCII);
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    if (begin < 0 || end < begin) {
      throw N0Exception.invalid(
          field,
          file,
          "must hold an unencrypted PKCS #8 key, \"BEGIN PRIVATE KEY\"; openssl pkcs8 -topk8"
              + " -nodes makes one of other forms");
    }
    PublicKey publicKey = certificate.getPublicKey();
    try {
      byte[] der = Base64.getMimeDecoder().decode(text.substring(begin + BEGIN.length(), end));
      PrivateKey key = KeyFactory.getInstance(publicKey.getAlgorithm())
          .generatePrivate(new PKCS8EncodedKeySpec(der));
      requireMatch(field, file, key, publicKey);
      return key;
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      String rule = "must hold the " + publicKey.getAlgorithm() + " key of the certificate";
      throw bad(field, file, rule, e);
    }
  }

  private static void requireMatch(String field, Path file, PrivateKey key, PublicKey publicKey)
      throws GeneralSecurityException {
    boolean elliptic = publicKey.getAlgorithm().equals("EC");
    Signature signature = Signature.getInstance(elliptic ? "SHA256withECDSA" : "SHA256withRSA");
    byte[] probe = "n0core".getBytes(StandardCharsets.US_ASCII);
    signature.initSign(key);
    signature.update(probe);
    byte[] signed = signature.sign();
    signature.initVerify(publicKey);
    signature.update(probe);
    if (!signature.verify(signed)) {
      throw N0Exception.invalid(field, file, "must hold the key of the certificate, not another");
    }
  }

  static byte[] secret(String field, Path file) {
    requirePrivate(field, file);
    byte[] bytes = new String(read(field, file), StandardCharsets.ISO_8859_1)
        .stripTrailing()
        .getBytes(StandardCharsets.ISO_8859_1);
    if (bytes.length < LEAST_SECRET || bytes.length > MOST_SECRET) {
      throw N0Exception.invalid(
          field, file, "must hold " + LEAST_SECRET + " to " + MOST_SECRET + " bytes");
    }
    return bytes;
  }

  private static void requirePrivate(String field, Path file) {
    try {
      if (Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ)) {
        throw N0Exception.invalid(field, file, "must not be readable by others; chmod o-r it");
      }
    } catch (IOException e) {
      throw unreadable(field, file, e);
    }
  }

  private static byte[] read(String field, Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw N0Exception.invalid(field, file, "must be at most " + MOST_BYTES + " bytes");
      }
      return bytes;
    } catch (IOException e) {
      throw unreadable(field, file, e);
    }
  }

  private static N0Exception unreadable(String field, Path file, IOException e) {
    return bad(field, file, "must be a file that can be read: " + e, e);
  }

  private static N0Exception bad(String field, Path file, String rule, Throwable cause) {
    return new N0Exception(
        Code.INVALID, field, "invalid " + field + " \"" + file + "\": " + rule, cause);
  }
}
