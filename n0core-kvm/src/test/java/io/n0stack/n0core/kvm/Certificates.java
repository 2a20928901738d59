package io.n0stack.n0core.kvm;

import java.nio.file.Files;
import java.nio.file.Path;

/** An authority and what it has signed, as QEMU wants to find it. */
final class Certificates {
  private static final String KEY = "EC";

  private final Path directory;

  /** Makes an authority. */
  Certificates(Path directory) throws Exception {
    this.directory = Files.createDirectories(directory);
    openssl(
        "genpkey", "-algorithm", KEY, "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ca-key.pem");
    openssl(
        "req",
        "-x509",
        "-new",
        "-key",
        "ca-key.pem",
        "-subj",
        "/CN=authority",
        "-days",
        "2",
        "-addext",
        "keyUsage=critical,keyCertSign",
        "-out",
        "ca-cert.pem");
  }

  /** Makes a directory with a server's or a client's key and certificate. */
  Path sign(String endpoint, String name, String address) throws Exception {
    Path own = Files.createDirectories(directory.resolve(endpoint + "-" + name));
    Path key = own.resolve(endpoint + "-key.pem");
    Path request = own.resolve("request.pem");
    Path extensions = own.resolve("extensions");
    Files.writeString(
        extensions,
        "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage="
            + endpoint + "Auth\nsubjectAltName=" + address + "\n");
    openssl(
        "genpkey",
        "-algorithm",
        KEY,
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        key.toString());
    openssl(
        "req", "-new", "-key", key.toString(), "-subj", "/CN=" + name, "-out", request.toString());
    openssl(
        "x509",
        "-req",
        "-in",
        request.toString(),
        "-CA",
        "ca-cert.pem",
        "-CAkey",
        "ca-key.pem",
        "-set_serial",
        "1",
        "-days",
        "1",
        "-extfile",
        extensions.toString(),
        "-out",
        own.resolve(endpoint + "-cert.pem").toString());
    Files.copy(directory.resolve("ca-cert.pem"), own.resolve("ca-cert.pem"));
    return own;
  }

  private void openssl(String... arguments) throws Exception {
    String[] command = new String[arguments.length + 4];
    command[0] = "env";
    command[1] = "-C";
    command[2] = directory.toString();
    command[3] = "openssl";
    System.arraycopy(arguments, 0, command, 4, arguments.length);
    String unused = Host.run(command);
  }
}
