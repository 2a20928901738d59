package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationTls;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;

/** The certificates of a migration, as objects of QEMU. */
final class TlsObjects {
  static final String CREDENTIALS = "move-tls";
  static final String AUTHORISATION = "move-authz";

  private TlsObjects() {}

  /** Checks the files before anything is changed. */
  static void requireFiles(MigrationTls tls, String endpoint) {
    for (String file : List.of("ca-cert.pem", endpoint + "-cert.pem", endpoint + "-key.pem")) {
      if (!Files.isReadable(tls.directory().resolve(file))) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            "tls.directory",
            "check tls.directory \"" + tls.directory() + "\": " + file
                + " must be there and readable");
      }
    }
  }

  /** Names the host that a target's certificate is to be for: QEMU is given connections, and does not know of what. */
  static String host(MigrationTls tls, MigrationAddress to) {
    return tls.peer().orElse(to instanceof MigrationAddress.Tcp tcp ? tcp.host() : "");
  }

  static void create(Monitor monitor, MigrationTls tls, String endpoint) {
    remove(monitor);
    monitor.execute(
        "object-add",
        Map.of(
            "qom-type",
            "tls-creds-x509",
            "id",
            CREDENTIALS,
            "endpoint",
            endpoint,
            "dir",
            tls.directory().toString(),
            "verify-peer",
            true));
    if (endpoint.equals("server") && tls.peer().isPresent()) {
      monitor.execute(
          "object-add",
          Map.of(
              "qom-type",
              "authz-simple",
              "id",
              AUTHORISATION,
              "identity",
              tls.peer().get()));
    }
  }

  static void remove(Monitor monitor) {
    for (String id : List.of(AUTHORISATION, CREDENTIALS)) {
      try {
        monitor.execute("object-del", Map.of("id", id));
      } catch (QmpException e) {
        // There is none, or it is still in use by what is about to end.
      }
    }
  }
}
