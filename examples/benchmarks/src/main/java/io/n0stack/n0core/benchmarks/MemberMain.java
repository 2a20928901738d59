package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeRegistryClient;
import java.io.IOException;

/** The part of an agent that an API knows of: a member with a record. */
final class MemberMain {
  private MemberMain() {}

  /**
   * Joins and registers, and stays until its standard input ends, as it does with whoever started it.
   *
   * @param args name, own address and the API's
   * @throws IOException if its standard input cannot be read
   */
  public static void main(String[] args) throws IOException {
    MembershipConfig config = MembershipConfig.of(args[0], args[1]).withSeeds(args[2]);
    try (AtomixMembership membership = AtomixMembership.open(config)) {
      membership.join();
      NodeRegistryClient.of(membership).saveSelf(Node.builder(args[0], args[1]).build());
      while (System.in.read() >= 0) {}
    }
  }
}
