package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.UUID;

/** Two agents that move a machine: a process to be killed in the middle of it. */
final class OneMigration {
  private OneMigration() {}

  public static void main(String[] arguments) {
    TwoHosts hosts = TwoHosts.existing(
        Path.of(arguments[0]), new ResourceId("machine", "web1", UUID.fromString(arguments[1])));
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    System.out.println("ready");
    // Slow enough for a good part of the kills to hit the memory on its way.
    MigrationReport unused = TwoHosts.migration(hosts.agent(hosts.left))
        .migrate(
            Host.context(),
            hosts.id,
            terms,
            MigrationOptions.usual().withMostBytesPerSecond(400_000),
            hosts.way(hosts.right));
  }
}
