package io.n0stack.n0core.api.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import org.junit.jupiter.api.Test;

class DriverTest {
  private static final class PoweredNotes extends SamplePlugins.NoteDriver implements Power {
    PoweredNotes() {
      super("note");
    }

    @Override
    public void power(Context cx, ResourceId machine, PowerAction action) {}
  }

  @Test
  void aCapabilityIsAnInterfaceOfTheDriver() {
    PoweredNotes powered = new PoweredNotes();
    SamplePlugins.NoteDriver plain = new SamplePlugins.NoteDriver("note");

    assertThat(powered.capability(Power.class)).containsSame(powered);
    assertThat(plain.capability(Power.class)).isEmpty();
  }

  @Test
  void aSpecDependsOnNothingUnlessItSaysSo() {
    assertThat(new SamplePlugins.Note("a").dependencies()).isEmpty();
  }
}
