package io.n0stack.n0core.api.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlockCommandExceptionTest {
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
      CommandNotFound | The command block-export-add has not been found             | UNSUPPORTED
      DeviceNotFound  | Block job 'x' not active                                    | NOT_FOUND
      GenericError    | Failed to find node with node-name='t'                      | NOT_FOUND
      GenericError    | Bitmap 'one' could not be found                             | NOT_FOUND
      GenericError    | Could not open '/x': No such file or directory              | NOT_FOUND
      GenericError    | Failed to get "write" lock                                  | BUSY
      GenericError    | Node 'a' is busy: node is used as backing hd of 'b'         | BUSY
      GenericError    | Job ID 'j' already in use                                   | BUSY
      GenericError    | Permission conflict on node 'a': permissions 'resize' are   | BUSY
      GenericError    | Could not open '/x': Permission denied                      | PERMISSION
      GenericError    | Could not write to '/x': No space left on device            | EXHAUSTED
      GenericError    | Source and target image have different sizes                | PRECONDITION
      """)
  void theCodeFollowsTheTextSinceQemuHasOneClassForAlmostAll(
      String errorClass, String text, N0Exception.Code code) {
    BlockCommandException e =
        new BlockCommandException("machine \"web1\"", "blockdev-add", errorClass, text);

    assertThat(e.code()).isEqualTo(code);
    assertThat(e.command()).isEqualTo("blockdev-add");
    assertThat(e.errorClass()).isEqualTo(errorClass);
    assertThat(e.description()).isEqualTo(text);
    assertThat(e).hasMessageContaining("blockdev-add on machine \"web1\"");
  }

  @Test
  void capabilitiesCompareVersionsAndKeepACopy() {
    Set<String> commands = new HashSet<>(Set.of("query-jobs"));
    QemuCapabilities qemu = new QemuCapabilities(7, 2, 22, commands);
    commands.clear();

    assertThat(qemu.commands()).containsExactly("query-jobs");
    assertThat(qemu.atLeast(7, 2)).isTrue();
    assertThat(qemu.atLeast(6, 9)).isTrue();
    assertThat(qemu.atLeast(7, 3)).isFalse();
    assertThat(qemu.atLeast(8, 0)).isFalse();
  }

  @Test
  void whatCouldNotBeSeenHasAReason() {
    assertThatThrownBy(() -> new BlockUse.Unknown(" ")).isInstanceOf(N0Exception.class);
  }
}
