package io.n0stack.n0core.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorsTest {
  @ParameterizedTest
  @CsvSource({
    "EEXIST, ALREADY_EXISTS", "ENODEV, NOT_FOUND", "EPERM, PERMISSION", "EBUSY, BUSY",
    "EINVAL, INVALID", "ENOSPC, EXHAUSTED", "EXFULL, EXHAUSTED", "EOPNOTSUPP, UNSUPPORTED",
    "ETIMEDOUT, UNAVAILABLE", "EIO, INTERNAL"
  })
  void osExceptionDerivesItsCodeFromTheSymbol(String symbol, N0Exception.Code code) {
    OsException refusal = new OsException("add link \"br0\"", 17, symbol, "File exists");

    assertThat(refusal.code()).isEqualTo(code);
    assertThat(refusal.errno()).isEqualTo(17);
    assertThat(refusal.errnoName()).isEqualTo(symbol);
    assertThat(refusal).hasMessage("add link \"br0\": File exists (" + symbol + ")");
  }

  @Test
  void interruptedRestoresTheFlag() {
    N0Exception refusal = N0Exception.interrupted("wait for QMP", new InterruptedException());

    assertThat(Thread.interrupted()).isTrue();
    assertThat(refusal.code()).isEqualTo(N0Exception.Code.CANCELLED);
    assertThat(refusal).hasMessage("wait for QMP: interrupted");
  }

  @Test
  void timeoutSaysHowLongItWaited() {
    OperationTimeoutException refusal =
        new OperationTimeoutException("query-status of machine \"web1\"", Duration.ofSeconds(3));

    assertThat(refusal.timeout()).isEqualTo(Duration.ofSeconds(3));
    assertThat(refusal.code()).isEqualTo(N0Exception.Code.UNAVAILABLE);
    assertThat(refusal).hasMessage("query-status of machine \"web1\": no answer within 3000 ms");
  }

  @Test
  void unknownOutcomeSaysThatItMayHaveHappened() {
    UnknownOutcomeException refusal =
        new UnknownOutcomeException("device_add of machine \"web1\"", new EOFException("closed"));

    assertThat(refusal.code()).isEqualTo(N0Exception.Code.UNAVAILABLE);
    assertThat(refusal).hasMessageContaining("may have happened").hasMessageEndingWith("closed");
  }

  @Test
  void invalidEscapesWhatAnAttackerWrote() {
    assertThat(N0Exception.invalid("name", "a\nlevel=ERROR", "must be a label"))
        .hasMessage("invalid name \"a\\u000alevel=ERROR\": must be a label");
  }
}
