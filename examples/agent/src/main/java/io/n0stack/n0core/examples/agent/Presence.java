package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodePresence;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes this host a node of the APIs; an API that is away stops neither agent nor machines. */
final class Presence {
  private static final Pattern TOTAL = Pattern.compile("MemTotal: +([0-9]+) kB"); // proc(5)

  private Presence() {}

  static NodePresence begin(Arguments options, List<Driver<?, ?>> drivers) {
    MembershipConfig config = MembershipConfig.of(
            options.name(), options.listen(), options.transport())
        .withSeeds(options.api().toArray(String[]::new));
    Node node = Node.builder(options.name(), options.listen()).build();
    return NodePresence.begin(AtomixMembership.open(config), node, () -> capacity(drivers));
  }

  /** What the host offers: all its cores and memory, and the pools of volumes that can be used just now. */
  static Resources capacity(List<Driver<?, ?>> drivers) {
    // Drivers of machines tell cores and memory too, but only after a guest was tried, for seconds.
    long storage = drivers.stream()
        .filter(driver -> driver.describe().kind().equals(StorageDriver.KIND))
        .mapToLong(driver -> driver.probe().capacity().getOrDefault("storage.bytes.total", 0L))
        .sum();
    try {
      String memory = Files.readString(Path.of("/proc/meminfo"), StandardCharsets.US_ASCII);
      Matcher total = TOTAL.matcher(memory);
      long kilobytes = total.find() ? Long.parseLong(total.group(1)) : 0;
      return new Resources(
          Runtime.getRuntime().availableProcessors() * 1000L, kilobytes * 1024, storage);
    } catch (IOException e) {
      throw new N0Exception(Code.UNAVAILABLE, "capacity", "read the capacity: " + e, e);
    }
  }
}
