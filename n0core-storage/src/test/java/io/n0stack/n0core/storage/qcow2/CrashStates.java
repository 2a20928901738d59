package io.n0stack.n0core.storage.qcow2;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What a file may hold after a crash of the host, given what was done to it. A disk may lose and reorder what
 * was written since the last sync, in sectors, each of which it writes whole or not at all.
 */
final class CrashStates {
  private static final int SECTOR = 512;
  private static final int SAMPLES = 12;

  private final Map<String, byte[]> states = new LinkedHashMap<>();
  private final Random random;

  private CrashStates(Random random) {
    this.random = random;
  }

  /** Returns the distinct states, beginning with the one before and ending with the one after. */
  static List<byte[]> of(byte[] before, List<RecordingChannel.Step> steps, Random random) {
    CrashStates crash = new CrashStates(random);
    byte[] durable = before;
    List<RecordingChannel.Step> epoch = new ArrayList<>();
    for (RecordingChannel.Step step : steps) {
      if (step.isSync()) {
        durable = crash.epoch(durable, epoch);
        epoch.clear();
      } else {
        epoch.addAll(sectors(step));
      }
    }
    crash.add(crash.epoch(durable, epoch));
    return List.copyOf(crash.states.values());
  }

  /** Adds what an epoch may leave, and returns what it leaves when it has ended. */
  private byte[] epoch(byte[] durable, List<RecordingChannel.Step> sectors) {
    add(durable);
    List<RecordingChannel.Step> some = new ArrayList<>();
    for (int i = 0; i < sectors.size(); i++) {
      add(applied(durable, sectors.subList(0, i)));
      add(applied(durable, sectors.subList(i, i + 1)));
      some.clear();
      some.addAll(sectors.subList(0, i));
      some.addAll(sectors.subList(i + 1, sectors.size()));
      add(applied(durable, some));
    }
    for (int i = 0; i < SAMPLES; i++) {
      some.clear();
      sectors.stream().filter(sector -> random.nextBoolean()).forEach(some::add);
      add(applied(durable, some));
    }
    return applied(durable, sectors);
  }

  private void add(byte[] state) {
    states.putIfAbsent(state.length + " " + Arrays.hashCode(state), state);
  }

  private static List<RecordingChannel.Step> sectors(RecordingChannel.Step step) {
    List<RecordingChannel.Step> sectors = new ArrayList<>();
    int from = 0;
    while (from < step.bytes().length) {
      int to = (int) Math.min(step.bytes().length, from + SECTOR - (step.at() + from) % SECTOR);
      sectors.add(
          new RecordingChannel.Step(step.at() + from, Arrays.copyOfRange(step.bytes(), from, to)));
      from = to;
    }
    return sectors;
  }

  private static byte[] applied(byte[] before, List<RecordingChannel.Step> sectors) {
    byte[] after = before.clone();
    for (RecordingChannel.Step sector : sectors) {
      int end = (int) sector.at() + sector.bytes().length;
      after = end > after.length ? Arrays.copyOf(after, end) : after;
      System.arraycopy(sector.bytes(), 0, after, (int) sector.at(), sector.bytes().length);
    }
    return after;
  }
}
