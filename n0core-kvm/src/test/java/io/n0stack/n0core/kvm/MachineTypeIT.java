package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A machine keeps the version of its board, whatever QEMU is installed later. */
@Requires(Requirement.QEMU)
class MachineTypeIT {
  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(Host.context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private void start(Chipset chipset) {
    driver.apply(Host.context(), id, host.nano(chipset).build());
  }

  private void restart() {
    driver.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);
    driver.power(Host.context(), id, PowerAction.BOOT);
  }

  private Path record() {
    return host.root.resolve(id.uid().toString()).resolve("type");
  }

  /** What follows {@code -machine} on QEMU's command line. */
  private String argument() throws IOException {
    List<String> arguments = List.of(Files.readString(
            Path.of("/proc", String.valueOf(pid(driver, id)), "cmdline"),
            StandardCharsets.ISO_8859_1)
        .split("\0"));
    return arguments.get(arguments.indexOf("-machine") + 1);
  }

  private String board() {
    try (QmpClient qmp = monitor()) {
      return qmp.execute("qom-get", Map.of("path", "/machine", "property", "type"), Board.LIMIT)
          .text("");
    }
  }

  private List<QmpResult> types() {
    try (QmpClient qmp = monitor()) {
      return qmp.execute("query-machines", Board.LIMIT).list("");
    }
  }

  private QmpClient monitor() {
    return QmpClient.connect(present(driver, id).serialLog().resolveSibling("qmp"), Board.LIMIT);
  }

  /** Returns what this QEMU makes of a name that moves on with its version. */
  private String meaning(String alias) {
    return types().stream()
        .filter(type ->
            type.find("/alias").filter(name -> name.text("").equals(alias)).isPresent())
        .map(type -> type.text("/name"))
        .findFirst()
        .orElseThrow();
  }

  /** Returns a version that this QEMU still has besides its own. */
  private String older(String family, String newest) {
    return types().stream()
        .filter(type -> !type.flag("/deprecated"))
        .map(type -> type.text("/name"))
        .filter(name -> name.startsWith(family) && !name.equals(newest))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({"Q35, q35, pc-q35-", "PC, pc, pc-i440fx-"})
  void theVersionOfTheFirstLaunchIsRecordedAndUsedEverAfter(
      Chipset chipset, String alias, String family) throws Exception {
    start(chipset);
    String newest = meaning(alias);
    assertThat(newest).startsWith(family);
    assertThat(record()).hasContent(newest);
    assertThat(argument()).isEqualTo("type=" + alias);
    restart();
    assertThat(argument()).isEqualTo("type=" + newest);
    String older = older(family, newest);

    Files.writeString(record(), older); // as if it had been made by an earlier QEMU
    restart();

    assertThat(argument()).isEqualTo("type=" + older);
    assertThat(board()).isEqualTo(older + "-machine");
    assertThat(record()).hasContent(older);
    try (QemuMachineDriver next = host.open()) {
      next.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);
      next.power(Host.context(), id, PowerAction.BOOT);
      assertThat(board()).isEqualTo(older + "-machine");
    }
  }

  @Test
  void anotherChipsetIsRecordedAnew() throws Exception {
    start(Chipset.Q35);
    driver.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);
    start(Chipset.PC);

    driver.power(Host.context(), id, PowerAction.BOOT);

    assertThat(argument()).isEqualTo("type=pc");
    assertThat(record()).hasContent(meaning("pc"));
  }
}
