package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What an agent found when it was opened.
 *
 * @param adopted finished resources that were found as they should be; nothing was done to them
 * @param resumed resources that were half made, half deleted or had drifted, and were worked on; how
 *     that ended is in {@link Agent#find}
 * @param unknown what could not be seen and was left alone, with the reason, by resource or driver
 * @param orphans what bears a stamp of ours but is not on record; left alone until adopted or reaped
 * @param quarantined records that could not be read, and where their bytes are now
 * @param indeterminate actions that were running when an agent died or was closed, or whose answer
 *     was lost, and that nobody has acknowledged: they may have happened
 * @since 0.1
 */
public record Recovery(
    Set<ResourceId> adopted,
    Set<ResourceId> resumed,
    Map<String, String> unknown,
    Set<ResourceId> orphans,
    List<String> quarantined,
    List<Indeterminate> indeterminate) {
  /** Copies the collections. */
  public Recovery {
    adopted = Set.copyOf(adopted);
    resumed = Set.copyOf(resumed);
    unknown = Map.copyOf(unknown);
    orphans = Set.copyOf(orphans);
    quarantined = List.copyOf(quarantined);
    indeterminate = List.copyOf(indeterminate);
  }
}
