package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that happened to a migration or dump.
 *
 * @since 0.1
 */
public sealed interface MigrationEvent extends Event {
  /**
   * A migration's state is another one.
   *
   * @param status its state
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Migration(Term<MigrationStatus> status, Instant at) implements MigrationEvent {
    static Migration from(QmpResult data, Instant at) {
      return new Migration(Read.term(MigrationStatus.class, data, "/status"), at);
    }
  }

  /**
   * A migration begins to send changed memory once more.
   *
   * @param pass which time, from 1
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record MigrationPass(long pass, Instant at) implements MigrationEvent {
    static MigrationPass from(QmpResult data, Instant at) {
      return new MigrationPass(data.number("/pass"), at);
    }
  }

  /**
   * A dump has ended.
   *
   * @param result how
   * @param error why it failed
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record DumpCompleted(DumpStatus result, Optional<String> error, Instant at)
      implements MigrationEvent {
    static DumpCompleted from(QmpResult data, Instant at) {
      return new DumpCompleted(
          Read.one(data, "/result", DumpStatus::from), Read.optText(data, "/error"), at);
    }
  }

  /**
   * The guest is no longer replicated.
   *
   * @param mode which side this is
   * @param reason why
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record ColoExit(String mode, String reason, Instant at) implements MigrationEvent {
    static ColoExit from(QmpResult data, Instant at) {
      return new ColoExit(data.text("/mode"), data.text("/reason"), at);
    }
  }
}
