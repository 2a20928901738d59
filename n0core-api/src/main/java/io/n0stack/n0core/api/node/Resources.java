package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Amounts of what hosts offer and machines take.
 *
 * @param cpuMilliCores thousandths of a core, not negative
 * @param memoryBytes not negative
 * @param storageBytes not negative
 * @since 0.1
 */
public record Resources(long cpuMilliCores, long memoryBytes, long storageBytes) {
  /** Nothing of anything. */
  public static final Resources NONE = new Resources(0, 0, 0);

  /** Checks that no amount is negative. */
  public Resources {
    Rules.range("cpuMilliCores", cpuMilliCores, 0, Long.MAX_VALUE);
    Rules.range("memoryBytes", memoryBytes, 0, Long.MAX_VALUE);
    Rules.range("storageBytes", storageBytes, 0, Long.MAX_VALUE);
  }

  /**
   * Adds.
   *
   * @param more what to add
   * @return the sums
   * @throws N0Exception EXHAUSTED if a sum is more than a {@code long} holds
   */
  public Resources plus(Resources more) {
    try {
      return new Resources(
          Math.addExact(cpuMilliCores, more.cpuMilliCores),
          Math.addExact(memoryBytes, more.memoryBytes),
          Math.addExact(storageBytes, more.storageBytes));
    } catch (ArithmeticException e) {
      throw new N0Exception(
          N0Exception.Code.EXHAUSTED,
          "resources",
          "add " + more + " to " + this + ": the sum is more than any host offers",
          e);
    }
  }

  /**
   * Takes away.
   *
   * @param less what to take away
   * @return what is left, 0 where less is left than nothing
   */
  public Resources minus(Resources less) {
    // Of two numbers that are not negative the difference never overflows.
    return new Resources(
        Math.max(0, cpuMilliCores - less.cpuMilliCores),
        Math.max(0, memoryBytes - less.memoryBytes),
        Math.max(0, storageBytes - less.storageBytes));
  }

  /**
   * Says what of a request these amounts do not cover.
   *
   * @param request what is wanted
   * @return a text such as {@code memory.bytes: 4096 wanted, 1024 free} for each resource that is
   *     short; empty if the request fits
   */
  public List<String> shortOf(Resources request) {
    List<String> missing = new ArrayList<>();
    Map<String, Long> free = byName();
    for (String resource : List.of(Node.CPU_MILLICORES, Node.MEMORY_BYTES, Node.STORAGE_BYTES)) {
      long wanted = request.byName().getOrDefault(resource, 0L);
      long left = free.getOrDefault(resource, 0L);
      if (wanted > left) {
        missing.add(resource + ": " + wanted + " wanted, " + left + " free");
      }
    }
    return List.copyOf(missing);
  }

  /**
   * Names the amounts as {@link Node#capacity()} does.
   *
   * @return the amounts by resource
   */
  public Map<String, Long> byName() {
    return Map.of(
        Node.CPU_MILLICORES, cpuMilliCores,
        Node.MEMORY_BYTES, memoryBytes,
        Node.STORAGE_BYTES, storageBytes);
  }
}
