package io.n0stack.n0core.kvm.guest;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Bytes to and from an agent, with deadlines of {@link System#nanoTime}. */
interface AgentStream {
  /** Reads what there is; returns 0 at the deadline and -1 at the end. */
  int read(ByteBuffer into, long deadline) throws IOException;

  /** Writes all; returns whether that was done by the deadline. */
  boolean write(ByteBuffer bytes, long deadline) throws IOException;
}
