package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a guest said when it panicked. It is the guest's word: not to be trusted.
 *
 * @since 0.1
 */
public sealed interface PanicInfo {
  /**
   * Reads what was said.
   *
   * @param result what QEMU sent
   * @return the same
   */
  static PanicInfo from(QmpResult result) {
    String type = result.text("/type");
    return switch (type) {
      case "hyper-v" ->
        new HyperV(Stream.of("/arg1", "/arg2", "/arg3", "/arg4", "/arg5")
            .map(result::unsigned)
            .toList());
      case "s390" ->
        new S390(
            result.number("/core"),
            result.unsigned("/psw-mask"),
            result.unsigned("/psw-addr"),
            result.text("/reason"));
      default -> new Other(type, result);
    };
  }

  /**
   * By Hyper-V's crash registers.
   *
   * @param registers the five registers
   * @since 0.1
   */
  record HyperV(List<BigInteger> registers) implements PanicInfo {
    /** Copies the list. */
    public HyperV {
      registers = List.copyOf(registers);
    }
  }

  /**
   * By the state of an s390 processor.
   *
   * @param core the processor
   * @param mask its status word's mask
   * @param address its status word's address
   * @param reason why it stands still
   * @since 0.1
   */
  record S390(long core, BigInteger mask, BigInteger address, String reason) implements PanicInfo {}

  /**
   * In a way that a newer QEMU added.
   *
   * @param type which way
   * @param info all that QEMU sent
   * @since 0.1
   */
  record Other(String type, QmpResult info) implements PanicInfo {}
}
