package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** The descriptors of a tap that was given away. */
final class TapDescriptors implements TapQueues.Descriptors {
  private final AtomicBoolean closed = new AtomicBoolean();
  private final List<Integer> numbers;
  private final int vnetHeaderBytes;

  TapDescriptors(List<Integer> numbers, int vnetHeaderBytes) {
    this.numbers = List.copyOf(numbers);
    this.vnetHeaderBytes = vnetHeaderBytes;
  }

  @Override
  public List<Integer> numbers() {
    if (closed.get()) {
      throw new IllegalStateException("the descriptors are closed");
    }
    return numbers;
  }

  @Override
  public int vnetHeaderBytes() {
    return vnetHeaderBytes;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      numbers.forEach(SystemCalls::close);
    }
  }
}
