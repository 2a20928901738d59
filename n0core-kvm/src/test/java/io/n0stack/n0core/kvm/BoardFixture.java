package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A board with volumes and taps, a driver, and the machine {@code web1}, of which nothing may be left. */
abstract class BoardFixture {
  @TempDir
  Path directory;

  final ResourceId id = ResourceId.fresh("machine", "web1");
  Board board;
  QemuMachineDriver driver;

  private final Duration unplugPatience;
  private final int taps;
  private final String[] volumes;

  /** Has a driver that waits so long for a guest to release devices, so many taps, and volumes of these names. */
  BoardFixture(Duration unplugPatience, int taps, String... volumes) {
    this.unplugPatience = unplugPatience;
    this.taps = taps;
    this.volumes = volumes;
  }

  @BeforeEach
  final void makeTheBoard() throws Exception {
    board = Board.make(directory, id, taps);
    board.make(volumes);
    driver = another();
  }

  /** The agent after this one, as it were. */
  final QemuMachineDriver another() {
    return board.open(unplugPatience);
  }

  @AfterEach
  final void nothingIsLeft() throws Exception {
    driver.delete(Host.context(), id);
    driver.close();
    List<String> left = board.host.residue();
    board.remove();
    assertThat(left).isEmpty();
  }
}
