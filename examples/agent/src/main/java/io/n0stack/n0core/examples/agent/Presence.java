package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodePresence;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes this host a node of the APIs; an API that is away stops neither agent nor machines. */
final class Presence {
  private Presence() {}

  static NodePresence begin(Arguments options, List<Driver<?, ?>> drivers) {
    MembershipConfig config = MembershipConfig.of(
            options.name(), options.listen(), options.transport())
        .withSeeds(options.api().toArray(String[]::new));
    Node node = Node.builder(options.name(), options.listen()).build();
    return NodePresence.begin(AtomixMembership.open(config), node, () -> capacity(drivers));
  }

  /** What the host offers, as its drivers see it: one that cannot work just now offers nothing. */
  static Resources capacity(List<Driver<?, ?>> drivers) {
    Map<String, Long> offered = new HashMap<>();
    drivers.forEach(driver -> offered.putAll(driver.probe().capacity()));
    return new Resources(
        offered.getOrDefault(Node.CPU_MILLICORES, 0L),
        offered.getOrDefault(Node.MEMORY_BYTES, 0L),
        offered.getOrDefault("storage.bytes.total", 0L));
  }
}
