package io.n0stack.n0core.membership.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** An authority, a server, a client, and an authority that signed neither, made by openssl(1). */
final class Certificates {
  private final Path directory;

  private Certificates(Path directory) {
    this.directory = directory;
  }

  static Certificates make(Path directory) throws IOException, InterruptedException {
    Certificates made = new Certificates(directory);
    made.authority("ca");
    made.authority("stranger");
    made.signed("server");
    made.signed("client");
    return made;
  }

  Path path(String name) {
    return directory.resolve(name);
  }

  private void authority(String name) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("req", "-x509", "-days", "2"));
    command.addAll(key(name));
    command.addAll(List.of("-subj", "/CN=" + name, "-out", path(name + ".pem").toString()));
    openssl(command);
  }

  private void signed(String name) throws IOException, InterruptedException {
    List<String> request = new ArrayList<>(List.of("req"));
    request.addAll(key(name));
    request.addAll(List.of("-subj", "/CN=" + name, "-out", path(name + ".csr").toString()));
    openssl(request);
    Path extensions =
        Files.writeString(path("extensions"), "subjectAltName=IP:" + EtcdCluster.HOST + "\n");
    openssl(List.of(
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        path(name + ".csr").toString(),
        "-CA",
        path("ca.pem").toString(),
        "-CAkey",
        path("ca.key").toString(),
        "-CAcreateserial",
        "-extfile",
        extensions.toString(),
        "-out",
        path(name + ".pem").toString()));
  }

  private List<String> key(String name) {
    return List.of(
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        path(name + ".key").toString());
  }

  private void openssl(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(arguments);
    Process run = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("openssl.log").toFile())
        .start();
    assertThat(run.waitFor())
        .as(Files.readString(directory.resolve("openssl.log")))
        .isZero();
  }
}
