package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;

/**
 * What of the guest's memory is dumped, and where to.
 *
 * @param target {@code file:PATH}, or {@code fd:NAME} for a descriptor given by name
 * @param format the dump's format
 * @param paging whether virtual addresses are dumped, which only {@link DumpFormat#ELF} can
 * @since 0.1
 */
public record DumpRequest(String target, DumpFormat format, boolean paging) {
  /** Checks the values. */
  public DumpRequest {
    Rules.text("target", target, 4096);
  }

  /**
   * Dumps physical memory to a file as {@link DumpFormat#ELF}.
   *
   * @param file the file, which QEMU must be allowed to write
   * @return the request
   */
  public static DumpRequest toFile(Path file) {
    return new DumpRequest("file:" + file, DumpFormat.ELF, false);
  }

  /**
   * Dumps physical memory to a descriptor as {@link DumpFormat#ELF}.
   *
   * @param name the name by which QEMU was given the descriptor
   * @return the request
   */
  public static DumpRequest toDescriptor(String name) {
    return new DumpRequest("fd:" + name, DumpFormat.ELF, false);
  }

  /**
   * Returns the same in another format.
   *
   * @param other the format
   * @return a copy
   */
  public DumpRequest withFormat(DumpFormat other) {
    return new DumpRequest(target, other, paging);
  }

  /**
   * Returns the same with virtual addresses.
   *
   * @return a copy
   */
  public DumpRequest withPaging() {
    return new DumpRequest(target, format, true);
  }

  Args arguments() {
    return Args.of("paging", paging)
        .put("protocol", target)
        .put("detach", true)
        .put("format", format);
  }
}
