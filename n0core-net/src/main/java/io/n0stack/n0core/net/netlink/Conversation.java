package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLMSG_HEADER;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.net.internal.NativeBuffer;
import io.n0stack.n0core.net.internal.Transport;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Asks and answers on one socket: numbers, deadlines, and which answer belongs to which question. */
final class Conversation implements AutoCloseable {
  private static final int REQUEST = 8 * 1024;
  private static final int BATCH = 16;

  /** What ends the answers to a request. */
  enum Ending {
    /** Each message is acknowledged; the request changes something. */
    ACKNOWLEDGED,
    /** One answer or error; the request is a question. */
    ANSWERED,
    /** A dump, ended by its own message; the request is a question. */
    DUMPED
  }

  /** Takes an answer that lies between two offsets, its header included. */
  @FunctionalInterface
  interface Answer {
    void accept(ByteBuffer bytes, int from, int to);
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Transport transport;
  private final Duration limit;
  private final NativeBuffer request = NativeBuffer.allocate(REQUEST);
  private final MessageWriter writer = new MessageWriter(request.bytes());
  private final int[] sequences = new int[BATCH];
  private int next = 1;

  private String operation = "";
  private int pending;
  private boolean interrupted;
  private @Nullable NetlinkException failed;

  Conversation(Transport transport, Duration limit) {
    this.transport = transport;
    this.limit = limit;
  }

  /**
   * Sends what is written as one datagram and hands over each answer.
   *
   * @return whether the kernel says that a dump is inconsistent
   */
  boolean ask(String what, Ending ending, Consumer<MessageWriter> writing, Answer answers) {
    lock.lock();
    try {
      if (Thread.currentThread().isInterrupted()) {
        throw N0Exception.interrupted(what, new InterruptedException());
      }
      begin(what, writing);
      transport.send(what, request, writer.length());
      await(ending, answers);
      if (failed != null) {
        throw failed;
      }
      return interrupted;
    } finally {
      lock.unlock();
    }
  }

  private void begin(String what, Consumer<MessageWriter> writing) {
    operation = what;
    interrupted = false;
    failed = null;
    writer.reset();
    writing.accept(writer);
    pending = writer.messages();
    if (next > Integer.MAX_VALUE - BATCH) {
      next = 1;
    }
    writer.sequence(next, transport.portId(), sequences);
    next += pending;
  }

  private void await(Ending ending, Answer answers) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (pending > 0) {
        int length = transport.receive(operation, deadline);
        if (transport.sender() == 0) {
          messages(ending, answers, transport.received(), length);
        }
        if (pending > 0 && System.nanoTime() > deadline) {
          throw new OperationTimeoutException(operation, limit);
        }
      }
    } catch (N0Exception e) {
      throw ending == Ending.ACKNOWLEDGED ? new UnknownOutcomeException(operation, e) : e;
    }
  }

  private void messages(Ending ending, Answer answers, ByteBuffer bytes, int length) {
    int limitOffset = Math.min(length, bytes.capacity());
    int at = 0;
    while (limitOffset - at >= NLMSG_HEADER) {
      int size = bytes.getInt(at);
      if (size < NLMSG_HEADER || size > limitOffset - at) {
        throw ErrorDecoder.malformed(operation, "message of length " + size + " at offset " + at);
      }
      if (mine(bytes, at)) {
        message(ending, answers, bytes, at, at + size);
      }
      at = Math.min(limitOffset, at + Rtnetlink.align(size));
    }
  }

  /** Late answers to a question that timed out bear its number, not ours. */
  private boolean mine(ByteBuffer bytes, int at) {
    int sequence = bytes.getInt(at + 8);
    return bytes.getInt(at + 12) == transport.portId()
        && sequence >= sequences[0]
        && sequence < sequences[0] + writer.messages();
  }

  private void message(Ending ending, Answer answers, ByteBuffer bytes, int from, int to) {
    interrupted |= (bytes.getShort(from + 6) & Rtnetlink.NLM_F_DUMP_INTR) != 0;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if (type == Rtnetlink.NLMSG_ERROR || type == Rtnetlink.NLMSG_DONE) {
      pending--;
      ErrorDecoder.decode(operation, bytes, from, to).ifPresent(this::fail);
    } else if (type > Rtnetlink.NLMSG_DONE) {
      answers.accept(bytes, from, to);
      if (ending == Ending.ANSWERED) {
        pending--;
      }
    }
  }

  private void fail(NetlinkException e) {
    if (failed == null) {
      failed = e;
    } else {
      failed.addSuppressed(e);
    }
  }

  /** Asks a question that has one answer; no such thing is an empty answer. */
  <T> Optional<T> find(String what, Consumer<MessageWriter> writing, Decoder<T> decoder) {
    Found<T> found = new Found<>(decoder);
    try {
      ask(what, Ending.ANSWERED, writing, found);
      if (found.value == null) {
        // Only ENODEV proves that there is none.
        throw ErrorDecoder.malformed(what, "an answer that does not say what was asked");
      }
      return Optional.of(found.value);
    } catch (OsException e) {
      if (e.errnoName().equals("ENODEV")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Makes a value of the answer between two offsets. */
  @FunctionalInterface
  interface Decoder<T> {
    Optional<T> decode(ByteBuffer bytes, int from, int to);
  }

  /** Keeps the one answer. */
  static final class Found<T> implements Answer {
    private final Decoder<T> decoder;
    private @Nullable T value;

    Found(Decoder<T> decoder) {
      this.decoder = decoder;
    }

    @Override
    public void accept(ByteBuffer bytes, int from, int to) {
      decoder.decode(bytes, from, to).ifPresent(decoded -> value = decoded);
    }

    Optional<T> value() {
      return Optional.ofNullable(value);
    }
  }

  @Override
  public void close() {
    transport.close();
  }
}
