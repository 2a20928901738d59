package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.compute.MachineSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The QMP client and the machines of an agent: against C, others' clients, a shell, a script and libvirt. */
final class KvmSuite implements Suite {
  private static final int ROM_BYTES = 64 << 10;
  private static final int RESET_VECTOR = ROM_BYTES - 16;
  private static final byte[] HALT = {(byte) 0xfa, (byte) 0xf4, (byte) 0xeb, (byte) 0xfd};

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    Path client = Peer.compiled("qmp", scratch);
    Path rom = scratch.resolve("halt.rom");
    Files.write(rom, rom());
    Path memory = Path.of(System.getProperty("n0core.benchmarks.memory", scratch.toString()));
    List<Figure> figures = new ArrayList<>(QmpFigures.measure(scratch, client));
    try (Libvirt libvirt = Libvirt.start(scratch)) {
      figures.addAll(new MachineFigures(scratch, memory, client, rom, libvirt).measure());
      figures.addAll(new AdoptionFigures(memory.resolve("a"), rom, libvirt).measure());
    }
    figures.addAll(MigrationFigures.measure(scratch, memory));
    MachineSpec halted = MachinesMain.spec(rom);
    figures.addAll(StatisticsFigures.measure(memory.resolve("u"), halted, client));
    figures.addAll(StoppedQemu.measure(memory.resolve("s"), halted));
    return figures;
  }

  /** A guest that halts at once, so that only what the host does is measured. */
  private static byte[] rom() {
    byte[] rom = new byte[ROM_BYTES];
    System.arraycopy(HALT, 0, rom, RESET_VECTOR, HALT.length);
    return rom;
  }
}
