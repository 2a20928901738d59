package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * Descriptors for the same file with different access.
 *
 * @param id its number, for {@code /dev/fdset/N}
 * @param fds the descriptors
 * @since 0.1
 */
public record FdSet(long id, List<FdSetEntry> fds) {
  /** Copies the lists. */
  public FdSet {
    fds = List.copyOf(fds);
  }

  static FdSet from(QmpResult result) {
    return new FdSet(result.number("/fdset-id"), Read.list(result, "/fds", FdSetEntry::from));
  }
}
