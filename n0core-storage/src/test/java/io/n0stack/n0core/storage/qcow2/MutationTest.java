package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Repetition;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MutationTest {
  private static final int MUTATIONS = Repetition.of(60_000);
  private static final long LIMIT_NANOS = Duration.ofMillis(100).toNanos();
  // The first field is the time on a processor in nanoseconds. See proc(5).
  private static final Path SCHEDULED = Path.of("/proc/thread-self/schedstat");

  @Test
  void noMutationOfAnyImageMakesAnythingButAResultOrATypedRefusalAndNoneTakesLong()
      throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> sound = AllReaders.soundImages();
    List<AllReaders.Reading> readings = AllReaders.all();
    int[] accepted = new int[readings.size()];
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] bytes = Mutations.mutated(sound.get(i % sound.size()), random);
      long start = System.nanoTime();
      try {
        for (int r = 0; r < accepted.length; r++) {
          accepted[r] += AllReaders.accepts(bytes, readings.get(r)) ? 1 : 0;
        }
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed + " round " + i, e);
      }
      // What took less by the clock took less of the processor; else the machine may have been
      // busy.
      if (System.nanoTime() - start > LIMIT_NANOS / 2) {
        assertThat(processorNanos(bytes, readings))
            .as("seed %s round %s", seed, i)
            .isLessThan(LIMIT_NANOS);
      }
    }

    assertThat(accepted).as("seed %s", seed).hasSize(6);
    for (int count : accepted) {
      assertThat(count).as("seed %s", seed).isBetween(MUTATIONS / 100, MUTATIONS - MUTATIONS / 100);
    }
  }

  private static long processorNanos(byte[] bytes, List<AllReaders.Reading> readings)
      throws IOException {
    long before = scheduledNanos();
    for (AllReaders.Reading reading : readings) {
      AllReaders.accepts(bytes, reading);
    }
    return scheduledNanos() - before;
  }

  private static long scheduledNanos() throws IOException {
    return Long.parseLong(Files.readString(SCHEDULED).split(" ", 2)[0]);
  }
}
