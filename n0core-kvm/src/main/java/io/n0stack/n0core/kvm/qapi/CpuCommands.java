package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.List;
import java.util.Map;

/**
 * Processors and the accelerator's statistics.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class CpuCommands {
  private final Call call;

  CpuCommands(Call call) {
    this.call = call;
  }

  /**
   * Lists the processors without disturbing them.
   *
   * @return the processors
   */
  public List<Cpu> cpus() {
    return Read.list(call.run("query-cpus-fast"), "", Cpu::from);
  }

  /**
   * Lists the places for processors, taken and free. A processor is put there by {@code
   * device_add} with the place's type and topology.
   *
   * @return the places
   * @throws N0Exception PRECONDITION if the machine cannot take processors later
   */
  public List<HotpluggableCpu> hotpluggable() {
    return Read.list(call.run("query-hotpluggable-cpus"), "", HotpluggableCpu::from);
  }

  /**
   * Lists the processor models.
   *
   * @return the models
   */
  public List<CpuDefinition> definitions() {
    return Read.list(call.run("query-cpu-definitions"), "", CpuDefinition::from);
  }

  /**
   * Spells out what a processor model means on this host.
   *
   * @param type how fully
   * @param model the model's name, such as {@code host}
   * @param features changes to it: name to true, false, a number or a text
   * @return the model spelled out
   */
  public CpuModel expand(CpuExpansion type, String model, Map<String, ?> features) {
    Args named = Args.of("name", model).putAny("props", features);
    return CpuModel.from(
        call.run("query-cpu-model-expansion", Args.of("type", type).put("model", named))
            .find("/model")
            .orElseThrow());
  }

  /**
   * Reads the accelerator's statistics.
   *
   * @param target what they are about
   * @return the values, empty if the accelerator keeps none
   */
  public List<Stats> stats(StatsTarget target) {
    return Read.list(call.run("query-stats", Args.of("target", target)), "", Stats::from);
  }

  /**
   * Asks what the accelerator's statistics mean.
   *
   * @return the meaning of each value
   */
  public List<StatsSchema> statsSchemas() {
    return Read.list(call.run("query-stats-schemas"), "", StatsSchema::from);
  }

  /**
   * Slows every processor so that it dirties memory no faster; needs KVM with a dirty ring.
   *
   * @param mebibytesPerSecond the limit, at least 1
   */
  public void setDirtyLimit(long mebibytesPerSecond) {
    call.run(
        "set-vcpu-dirty-limit",
        Args.of(
            "dirty-rate",
            Rules.range("mebibytesPerSecond", mebibytesPerSecond, 1, Long.MAX_VALUE)));
  }

  /**
   * Removes the limit on how fast processors dirty memory.
   */
  public void cancelDirtyLimit() {
    call.run("cancel-vcpu-dirty-limit");
  }
}
