package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that happened to the guest as a whole.
 *
 * @since 0.1
 */
public sealed interface RunEvent extends Event {
  /**
   * The guest's processors were stopped.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Stop(Instant at) implements RunEvent {
    static Stop from(QmpResult data, Instant at) {
      return new Stop(at);
    }
  }

  /**
   * The guest's processors run.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Resume(Instant at) implements RunEvent {
    static Resume from(QmpResult data, Instant at) {
      return new Resume(at);
    }
  }

  /**
   * QEMU ends, or the guest has powered itself off.
   *
   * @param guest whether the guest asked for it
   * @param reason why
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Shutdown(boolean guest, Term<ShutdownCause> reason, Instant at)
      implements RunEvent {
    static Shutdown from(QmpResult data, Instant at) {
      return new Shutdown(data.flag("/guest"), Read.term(ShutdownCause.class, data, "/reason"), at);
    }
  }

  /**
   * The guest was reset.
   *
   * @param guest whether the guest asked for it
   * @param reason why
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Reset(boolean guest, Term<ShutdownCause> reason, Instant at) implements RunEvent {
    static Reset from(QmpResult data, Instant at) {
      return new Reset(data.flag("/guest"), Read.term(ShutdownCause.class, data, "/reason"), at);
    }
  }

  /**
   * The guest's power button was pressed.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Powerdown(Instant at) implements RunEvent {
    static Powerdown from(QmpResult data, Instant at) {
      return new Powerdown(at);
    }
  }

  /**
   * The guest sleeps.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Suspend(Instant at) implements RunEvent {
    static Suspend from(QmpResult data, Instant at) {
      return new Suspend(at);
    }
  }

  /**
   * The guest has saved itself to disk.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record SuspendDisk(Instant at) implements RunEvent {
    static SuspendDisk from(QmpResult data, Instant at) {
      return new SuspendDisk(at);
    }
  }

  /**
   * The guest has woken.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Wakeup(Instant at) implements RunEvent {
    static Wakeup from(QmpResult data, Instant at) {
      return new Wakeup(at);
    }
  }

  /**
   * The guest's kernel panicked.
   *
   * @param action what QEMU does, such as {@code pause}
   * @param info what the guest said
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record GuestPanicked(String action, Optional<PanicInfo> info, Instant at)
      implements RunEvent {
    static GuestPanicked from(QmpResult data, Instant at) {
      return new GuestPanicked(
          data.text("/action"), Read.optOne(data, "/info", PanicInfo::from), at);
    }
  }

  /**
   * The guest panicked and its crash kernel takes over.
   *
   * @param action what QEMU does, such as {@code run}
   * @param info what the guest said
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record GuestCrashloaded(String action, Optional<PanicInfo> info, Instant at)
      implements RunEvent {
    static GuestCrashloaded from(QmpResult data, Instant at) {
      return new GuestCrashloaded(
          data.text("/action"), Read.optOne(data, "/info", PanicInfo::from), at);
    }
  }

  /**
   * The guest's watchdog expired.
   *
   * @param action what QEMU does
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Watchdog(Term<WatchdogAction> action, Instant at) implements RunEvent {
    static Watchdog from(QmpResult data, Instant at) {
      return new Watchdog(Read.term(WatchdogAction.class, data, "/action"), at);
    }
  }

  /**
   * The guest set its clock.
   *
   * @param offsetSeconds how far it is from the host's
   * @param qomPath the clock's object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record RtcChange(long offsetSeconds, String qomPath, Instant at) implements RunEvent {
    static RtcChange from(QmpResult data, Instant at) {
      return new RtcChange(data.number("/offset"), data.text("/qom-path"), at);
    }
  }

  /**
   * The host's memory is defective.
   *
   * @param recipient whose memory: {@code guest} or {@code hypervisor}
   * @param action what is done, such as {@code inject}
   * @param actionRequired whether the processor was just using it
   * @param recursive whether it happened while another failure was handled
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record MemoryFailure(
      String recipient, String action, boolean actionRequired, boolean recursive, Instant at)
      implements RunEvent {
    static MemoryFailure from(QmpResult data, Instant at) {
      return new MemoryFailure(
          data.text("/recipient"),
          data.text("/action"),
          data.flag("/flags/action-required"),
          data.flag("/flags/recursive"),
          at);
    }
  }
}
