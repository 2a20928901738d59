package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.List;

/**
 * Memory, balloon and dumps.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class MemoryCommands {
  private final Call call;

  MemoryCommands(Call call) {
    this.call = call;
  }

  /**
   * Asks how much memory the guest has.
   *
   * @return the sizes
   */
  public MemorySize size() {
    return MemorySize.from(call.run("query-memory-size-summary"));
  }

  /**
   * Lists the memory devices.
   *
   * @return the devices
   */
  public List<MemoryDevice> devices() {
    return Read.list(call.run("query-memory-devices"), "", MemoryDevice::from);
  }

  /**
   * Lists the host memory that the guest may have.
   *
   * @return the back ends
   */
  public List<MemoryBackend> backends() {
    return Read.list(call.run("query-memdev"), "", MemoryBackend::from);
  }

  /**
   * Asks what the guest's ACPI reported of its memory and processor slots.
   *
   * @return one status per slot
   */
  public List<OspmStatus> ospmStatus() {
    return Read.list(call.run("query-acpi-ospm-status"), "", OspmStatus::from);
  }

  /**
   * Asks the guest to keep this much memory and give back the rest. How far it has come is
   * told by {@link #balloonBytes}.
   *
   * @param bytes the memory that the guest may use, at least 1
   * @throws N0Exception PRECONDITION if the machine has no balloon
   */
  public void balloon(long bytes) {
    call.run("balloon", Args.of("value", Rules.range("bytes", bytes, 1, Long.MAX_VALUE)));
  }

  /**
   * Asks how much memory the balloon leaves the guest.
   *
   * @return bytes
   * @throws N0Exception PRECONDITION if the machine has no balloon
   */
  public long balloonBytes() {
    return call.run("query-balloon").number("/actual");
  }

  /**
   * Lets QEMU ask the guest's balloon driver for statistics regularly.
   *
   * @param path the balloon's object, such as {@code /machine/peripheral/balloon0}
   * @param interval how often, in whole seconds; zero for never
   */
  public void pollBalloonStats(String path, Duration interval) {
    Rules.range("interval", interval.toSeconds(), 0, Integer.MAX_VALUE);
    call.run(
        "qom-set",
        Args.of("path", path)
            .put("property", "guest-stats-polling-interval")
            .put("value", interval.toSeconds()));
  }

  /**
   * Reads what the guest's balloon driver last reported.
   *
   * @param path the balloon's object, such as {@code /machine/peripheral/balloon0}
   * @return the statistics
   */
  public BalloonStats balloonStats(String path) {
    return BalloonStats.from(
        call.run("qom-get", Args.of("path", path).put("property", "guest-stats")));
  }

  /**
   * Begins to measure how fast the guest changes its memory.
   *
   * @param time how long, 1 to 60 seconds
   */
  public void measureDirtyRate(Duration time) {
    call.run("calc-dirty-rate", Args.of("calc-time", Rules.range("time", time.toSeconds(), 1, 60)));
  }

  /**
   * Asks for the measured rate.
   *
   * @return the rate
   */
  public DirtyRate dirtyRate() {
    return DirtyRate.from(call.run("query-dirty-rate"));
  }

  /**
   * Begins to write the guest's memory to a file; the event DUMP_COMPLETED tells the end.
   *
   * @param request what and where to
   */
  public void dump(DumpRequest request) {
    call.run("dump-guest-memory", request.arguments());
  }

  /**
   * Asks how far the dump is.
   *
   * @return its state
   */
  public DumpStatus dumpStatus() {
    return DumpStatus.from(call.run("query-dump"));
  }

  /**
   * Asks in which formats this guest can be dumped.
   *
   * @return the formats
   */
  public List<Term<DumpFormat>> dumpFormats() {
    return Read.terms(DumpFormat.class, call.run("query-dump-guest-memory-capability"), "/formats");
  }
}
