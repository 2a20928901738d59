package io.n0stack.n0core.tck.child;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What user-mode-linux keeps of a processor when it changes from one thread to another. That of Linux 6.1 has room
 * for less than a processor with AMX has, and panics when the host refuses what was cut off ("ptrace set fp regs
 * failed"). There a filter of system calls tells it that the host knows no state but the oldest, of which AVX is no
 * part: a program with several threads must do without AVX then.
 */
final class ProcessorState {
  /**
   * What tells glibc and JVMs to do without. See glibc's manual, "Hardware Capability Tunables", and java(1).
   */
  static final List<String> ENVIRONMENT = List.of(
      "GLIBC_TUNABLES=glibc.cpu.hwcaps="
          + "-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-XSAVE,-XSAVEC",
      "JAVA_TOOL_OPTIONS=-XX:UseAVX=0");

  /** Runs a program with the filter that is read from this descriptor. */
  static final List<String> FILTERED = List.of(
      "bwrap", "--dev-bind", "/", "/", "--cap-add", "ALL", "--die-with-parent", "--seccomp", "9");

  // linux/bpf_common.h
  private static final int LOAD_WORD = 0x20;
  private static final int JUMP_IF_EQUAL = 0x15;
  private static final int RETURN = 0x06;
  // linux/seccomp.h, linux/audit.h
  private static final int ALLOW = 0x7fff0000;
  private static final int ERRNO = 0x00050000;
  private static final int X86_64 = 0xc000003e;
  // offsets in struct seccomp_data
  private static final int NUMBER = 0;
  private static final int ARCHITECTURE = 4;
  private static final int FIRST_ARGUMENT = 16;
  private static final int THIRD_ARGUMENT = 32;
  // asm/unistd_64.h, linux/ptrace.h, linux/elf.h, asm-generic/errno-base.h
  private static final int PTRACE = 101;
  private static final int GETREGSET = 0x4204;
  private static final int X86_XSTATE = 0x202;
  private static final int EINVAL = 22;

  private ProcessorState() {}

  /** Says whether this host's processor has more than fits. */
  static boolean tooLarge() throws IOException {
    return Files.readString(Path.of("/proc/cpuinfo")).contains(" amx_tile");
  }

  /** Returns a filter by which a process can ask no process for its extended state. */
  static byte[] filter() {
    ByteBuffer code = ByteBuffer.allocate(10 * 8).order(ByteOrder.LITTLE_ENDIAN);
    instruction(code, LOAD_WORD, 0, ARCHITECTURE);
    instruction(code, JUMP_IF_EQUAL, 7, X86_64);
    instruction(code, LOAD_WORD, 0, NUMBER);
    instruction(code, JUMP_IF_EQUAL, 5, PTRACE);
    instruction(code, LOAD_WORD, 0, FIRST_ARGUMENT);
    instruction(code, JUMP_IF_EQUAL, 3, GETREGSET);
    instruction(code, LOAD_WORD, 0, THIRD_ARGUMENT);
    instruction(code, JUMP_IF_EQUAL, 1, X86_XSTATE);
    instruction(code, RETURN, 0, ERRNO | EINVAL);
    instruction(code, RETURN, 0, ALLOW);
    return code.array();
  }

  /** See struct sock_filter in linux/filter.h: code, steps if true, steps if false, operand. */
  private static void instruction(ByteBuffer code, int what, int ifNot, int operand) {
    code.putShort((short) what).put((byte) 0).put((byte) ifNot).putInt(operand);
  }
}
