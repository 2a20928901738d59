package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Spec;

/**
 * What a note is to say.
 *
 * @param text the text
 */
public record NoteSpec(String text) implements Spec {
  /** Creates a spec. */
  public NoteSpec {
    Rules.text("text", text, 1000);
  }
}
