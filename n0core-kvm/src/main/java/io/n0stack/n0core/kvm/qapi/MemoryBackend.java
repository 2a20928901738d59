package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;

/**
 * Host memory that can become guest memory.
 *
 * @param id its id
 * @param sizeBytes its size
 * @param merge whether equal pages may be merged
 * @param dump whether core dumps contain it
 * @param prealloc whether it was allocated at the start
 * @param share whether changes reach other processes
 * @param reserve whether swap space is reserved
 * @param hostNodes the host's nodes that it is bound to
 * @param policy how it is bound
 * @since 0.1
 */
public record MemoryBackend(
    Optional<String> id,
    long sizeBytes,
    boolean merge,
    boolean dump,
    boolean prealloc,
    boolean share,
    Optional<Boolean> reserve,
    List<Long> hostNodes,
    Term<MemoryPolicy> policy) {
  /** Copies the lists. */
  public MemoryBackend {
    hostNodes = List.copyOf(hostNodes);
  }

  static MemoryBackend from(QmpResult result) {
    return new MemoryBackend(
        Read.optText(result, "/id"),
        result.number("/size"),
        result.flag("/merge"),
        result.flag("/dump"),
        result.flag("/prealloc"),
        result.flag("/share"),
        Read.optFlag(result, "/reserve"),
        Read.numbers(result, "/host-nodes"),
        Read.term(MemoryPolicy.class, result, "/policy"));
  }
}
