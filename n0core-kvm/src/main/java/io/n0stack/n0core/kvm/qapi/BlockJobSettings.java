package io.n0stack.n0core.kvm.qapi;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * What each job on a block node can be told, whatever it does.
 *
 * @param id the job's id; QEMU takes the device's name if absent
 * @param speed the most bytes per second, 0 for no limit
 * @param filterNodeName the name of the node that the job inserts
 * @param autoFinalize whether the end comes without {@code job-finalize}
 * @param autoDismiss whether the ended job vanishes by itself
 * @since 0.1
 */
public record BlockJobSettings(
    Optional<String> id,
    OptionalLong speed,
    Optional<String> filterNodeName,
    Optional<Boolean> autoFinalize,
    Optional<Boolean> autoDismiss) {
  Args into(Args arguments) {
    return arguments
        .put("job-id", id)
        .put("speed", speed)
        .put("filter-node-name", filterNodeName)
        .put("auto-finalize", autoFinalize)
        .put("auto-dismiss", autoDismiss);
  }
}
