package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
import java.time.Instant;

/**
 * Something that QEMU told without being asked.
 *
 * @param name its name, such as {@code JOB_STATUS_CHANGE}
 * @param data what it is about, as the text of a JSON object, {@code {}} if there is nothing
 * @param at when it happened, by QEMU's clock
 * @since 0.1
 */
public record BlockEvent(String name, String data, Instant at) {
  /** Checks the name. */
  public BlockEvent {
    Rules.text("name", name, 255);
  }
}
