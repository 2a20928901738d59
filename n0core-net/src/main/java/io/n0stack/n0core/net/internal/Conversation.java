package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Asks and answers on one socket: numbers, deadlines, and which answer belongs to which question.
 * Thread-safe: one request after the other.
 */
public final class Conversation implements AutoCloseable {
  private static final int DUMPS = 20; // a host with few processors and many links fails several
  private static final int BATCH = 100; // some 200 errors at once overflow the usual receive buffer
  private static final int BATCH_BYTES = 32 * 1024;
  private static final Answers NONE = (bytes, from, to) -> {};

  /** What ends the answers to a request. */
  private enum Ending {
    /** Each message is acknowledged; the request changes something. */
    ACKNOWLEDGED,
    /** The last message is acknowledged; the request changes several things. */
    LAST_ACKNOWLEDGED,
    /** The last message but one is acknowledged, or the first refused: a transaction. */
    COMMITTED,
    /** One answer or error; the request is a question. */
    ANSWERED,
    /** An answer if there is one, and an acknowledgement; the request is a question. */
    ANSWERED_AND_ACKNOWLEDGED,
    /** A dump, ended by its own message; the request is a question. */
    DUMPED;

    boolean ofOneAnswer() {
      return this == ANSWERED || this == ANSWERED_AND_ACKNOWLEDGED;
    }

    boolean ofQuestion() {
      return ofOneAnswer() || this == DUMPED;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Transport transport;
  private final Duration limit;
  private final Dialect dialect;
  private final MessageWriter writer = new MessageWriter();
  private int next = 1;

  // of the request that is under way
  private Object operation = "";
  private int first;
  private int pending;
  private boolean interrupted;
  private boolean truncated;
  private @Nullable List<Told> told;

  /** What the kernel said about one message of a request. */
  private record Told(int message, Refusal refusal) {}

  /**
   * Begins on a socket, which {@link #close} closes.
   *
   * @param transport the socket
   * @param limit how long to wait for the answers to a request
   * @param dialect makes exceptions
   */
  public Conversation(Transport transport, Duration limit, Dialect dialect) {
    this.transport = transport;
    this.limit = limit;
    this.dialect = dialect;
  }

  /**
   * Asks for a change; each message of the request must bear NLM_F_ACK.
   *
   * @param request what is asked
   * @throws OsException what the dialect makes of the first error
   * @throws UnknownOutcomeException if it was sent and the answer is missing
   */
  public void change(Request request) {
    change(request, NONE);
  }

  /**
   * Asks for a change and takes what is echoed.
   *
   * @param request what is asked
   * @param echo takes what is echoed
   */
  public void change(Request request, Answers echo) {
    List<Told> heard = ask(request, Ending.ACKNOWLEDGED, echo);
    if (heard != null) {
      report(request, heard);
    }
  }

  /** Throws the first error and passes on the warnings. */
  private void report(Request request, List<Told> heard) {
    report(heard, each -> request.toString());
  }

  private void report(List<Told> heard, Function<Told, String> operation) {
    OsException failed = null;
    for (Told each : heard) {
      String what = operation.apply(each);
      if (each.refusal().errno() == 0) {
        dialect.warned(what, each.refusal());
      } else if (failed == null) {
        failed = dialect.refused(what, each.refusal());
      } else {
        failed.addSuppressed(dialect.refused(what, each.refusal()));
      }
    }
    if (failed != null) {
      throw failed;
    }
  }

  /**
   * Asks for many changes, several in one datagram; each request must be one message.
   *
   * @param requests in their order
   * @return for each request what the kernel refused, empty where it did what was asked
   * @throws UnknownOutcomeException if some were sent and an answer is missing
   */
  public List<Optional<OsException>> batch(List<? extends Request> requests) {
    List<Optional<OsException>> results =
        new ArrayList<>(Collections.nCopies(requests.size(), Optional.empty()));
    int done = 0;
    while (done < requests.size()) {
      Part part = new Part(requests, done);
      List<Told> heard = ask(part, Ending.LAST_ACKNOWLEDGED, NONE);
      for (Told each : heard == null ? List.<Told>of() : heard) {
        int at = done + each.message();
        String what = requests.get(at).toString();
        if (each.refusal().errno() == 0) {
          dialect.warned(what, each.refusal());
        } else {
          results.set(at, Optional.of(dialect.refused(what, each.refusal())));
        }
      }
      done += part.taken;
    }
    return List.copyOf(results);
  }

  /**
   * Asks for changes of which all happen or none, in one datagram; each request must be one message.
   * The first begins the transaction and the last ends it.
   *
   * @param requests in their order, three or more
   * @throws OsException what the dialect makes of the first error, with the others suppressed
   * @throws UnknownOutcomeException if it was sent and the answer is missing
   */
  public void transaction(List<? extends Request> requests) {
    Whole whole = new Whole(requests);
    List<Told> heard = ask(whole, Ending.COMMITTED, NONE);
    if (heard != null) {
      // What is refused as a whole, is refused at its beginning.
      report(
          heard, each -> (each.message() == 0 ? whole : requests.get(each.message())).toString());
    }
  }

  /** All requests of a transaction. */
  private record Whole(List<? extends Request> requests) implements Request {
    @Override
    public void write(MessageWriter message) {
      for (int i = 0; i < requests.size(); i++) {
        requests.get(i).write(message);
        if (message.messages() != i + 1) {
          throw new IllegalArgumentException(
              requests.get(i) + ": is not one message, which a transaction needs");
        }
        // Kernels before 6.10 do not acknowledge the end.
        if (i == requests.size() - 2) {
          message.flag(Wire.NLM_F_ACK);
        }
      }
    }

    @Override
    public String toString() {
      return requests.get(1) + (requests.size() > 3 ? " and more" : "");
    }
  }

  /** As many requests as fit into one datagram. */
  private static final class Part implements Request {
    private final List<? extends Request> requests;
    private final int from;
    private int taken;

    Part(List<? extends Request> requests, int from) {
      this.requests = requests;
      this.from = from;
    }

    @Override
    public void write(MessageWriter message) {
      taken = 0;
      while (from + taken < requests.size() && taken < BATCH && message.length() < BATCH_BYTES) {
        requests.get(from + taken++).write(message);
        if (message.messages() != taken) {
          throw new IllegalArgumentException(
              requests.get(from + taken - 1) + ": is not one message, which a batch needs");
        }
      }
      message.acknowledgeLastOnly();
    }

    @Override
    public String toString() {
      return requests.get(from) + " and " + (taken - 1) + " more";
    }
  }

  /**
   * Asks a question that has one answer.
   *
   * @param request what is asked
   * @param decoder makes values of answers
   * @param <T> what it is
   * @return the answer
   * @throws OsException what the dialect makes of an error, also if there is no such thing
   */
  public <T> T get(Request request, Decoder<T> decoder) {
    Found<T> found = new Found<>(decoder);
    List<Told> heard = ask(request, Ending.ANSWERED, found);
    if (heard != null) {
      report(request, heard);
    }
    return found
        .value()
        .orElseThrow(() -> dialect.refused(
            request.toString(), Refusal.malformed("an answer that does not say what was asked")));
  }

  /**
   * Asks a question that has one answer, or none.
   *
   * @param request what is asked
   * @param decoder makes values of answers
   * @param absent the error number that proves that there is no such thing
   * @param <T> what it is
   * @return the answer, empty if there is no such thing
   */
  public <T> Optional<T> find(Request request, Decoder<T> decoder, int absent) {
    Found<T> found = new Found<>(decoder);
    List<Told> heard = ask(request, Ending.ANSWERED, found);
    if (heard != null) {
      if (heard.size() == 1 && heard.get(0).refusal().errno() == absent) {
        return Optional.empty();
      }
      report(request, heard);
    }
    if (found.value().isEmpty()) {
      throw dialect.refused(
          request.toString(), Refusal.malformed("an answer that does not say what was asked"));
    }
    return found.value();
  }

  /**
   * Asks a question that is acknowledged, behind its answer if there is one; the request must bear
   * NLM_F_ACK.
   *
   * @param request what is asked
   * @param decoder makes values of answers
   * @param absent the error number that also proves that there is no such thing
   * @param <T> what it is
   * @return the answer, empty if there is no such thing
   */
  public <T> Optional<T> findAcknowledged(Request request, Decoder<T> decoder, int absent) {
    Found<T> found = new Found<>(decoder);
    List<Told> heard = ask(request, Ending.ANSWERED_AND_ACKNOWLEDGED, found);
    if (heard != null && heard.get(0).refusal().errno() != absent) {
      report(request, heard);
    }
    return found.value();
  }

  /**
   * Lists, again while the kernel says that something changed meanwhile, five times at most.
   *
   * @param request what is asked
   * @param decoder makes values of answers
   * @param <T> what it is
   * @return what is listed
   */
  public <T> Dump<T> dump(Request request, Decoder<T> decoder) {
    List<T> items = new ArrayList<>();
    for (int i = 1; ; i++) {
      List<Told> heard = ask(request, Ending.DUMPED, (bytes, from, to) -> {
        T item = decoder.decode(bytes, from, to);
        if (item != null) {
          items.add(item);
        }
      });
      if (heard != null) {
        report(request, heard);
      }
      if (!interrupted || i == DUMPS) {
        return new Dump<>(List.copyOf(items), i, !interrupted);
      }
      items.clear();
    }
  }

  /** Sends one datagram and hands over each answer; again, if an answer did not fit. */
  private @Nullable List<Told> ask(Request request, Ending ending, Answers answers) {
    lock.lock();
    try {
      do {
        if (Thread.currentThread().isInterrupted()) {
          throw N0Exception.interrupted(request.toString(), new InterruptedException());
        }
        begin(request, ending);
        transport.send(request, writer.memory(), writer.length());
        await(ending, answers);
      } while (truncated && ending.ofOneAnswer());
      interrupted |= truncated;
      return told;
    } finally {
      lock.unlock();
    }
  }

  private void begin(Request request, Ending ending) {
    operation = request;
    interrupted = false;
    truncated = false;
    told = null;
    writer.reset();
    request.write(writer);
    int messages = writer.messages();
    pending = ending == Ending.LAST_ACKNOWLEDGED || ending == Ending.COMMITTED ? 1 : messages;
    if (next > Integer.MAX_VALUE - messages) {
      next = 1;
    }
    first = next;
    writer.sequence(first, transport.portId());
    next += messages;
  }

  private void await(Ending ending, Answers answers) {
    long deadline = System.nanoTime() + limit.toNanos();
    try {
      while (pending > 0) {
        int length = transport.receive(operation, deadline);
        if (transport.sender() == 0) {
          datagram(ending, answers, transport.received(), length);
        }
        if (pending > 0 && System.nanoTime() > deadline) {
          throw new OperationTimeoutException(operation.toString(), limit);
        }
      }
    } catch (N0Exception e) {
      throw ending.ofQuestion() ? e : new UnknownOutcomeException(operation.toString(), e);
    }
  }

  private void datagram(Ending ending, Answers answers, ByteBuffer bytes, int length) {
    if (length > bytes.capacity()) {
      // The transport has room for it the next time. An echo is only lost, not asked for again.
      if (ending == Ending.ANSWERED) {
        pending = 0;
      }
      truncated = true;
      return;
    }
    int at = 0;
    while (length - at >= Wire.NLMSG_HEADER) {
      int size = bytes.getInt(at);
      if (size < Wire.NLMSG_HEADER || size > length - at) {
        throw dialect.refused(
            operation.toString(),
            Refusal.malformed("message of length " + size + " at offset " + at));
      }
      if (mine(bytes, at)) {
        message(ending, answers, bytes, at, at + size);
      }
      at = Math.min(length, at + Wire.align(size));
    }
  }

  /** Late answers to a question that timed out bear its number, not ours. */
  private boolean mine(ByteBuffer bytes, int at) {
    int sequence = bytes.getInt(at + 8);
    return bytes.getInt(at + 12) == transport.portId()
        && sequence >= first
        && sequence < first + writer.messages();
  }

  private void message(Ending ending, Answers answers, ByteBuffer bytes, int from, int to) {
    interrupted |= (bytes.getShort(from + 6) & Wire.NLM_F_DUMP_INTR) != 0;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if (type == Wire.NLMSG_ERROR || type == Wire.NLMSG_DONE) {
      int message = bytes.getInt(from + 8) - first;
      Refusal refusal = Refusal.decode(bytes, from, to, writer, message);
      if (ends(ending, message, refusal)) {
        pending--;
      }
      if (refusal.errno() != 0 || !refusal.words().isEmpty()) {
        if (told == null) {
          told = new ArrayList<>(1);
        }
        told.add(new Told(message, refusal));
      }
    } else if (type > Wire.NLMSG_OVERRUN) {
      answers.accept(bytes, from, to);
      if (ending == Ending.ANSWERED) {
        pending--;
      }
    }
  }

  private boolean ends(Ending ending, int message, Refusal refusal) {
    return switch (ending) {
      case LAST_ACKNOWLEDGED -> message == writer.messages() - 1;
      case COMMITTED -> message == writer.messages() - 2 || (message == 0 && refusal.errno() != 0);
      case ACKNOWLEDGED, ANSWERED, ANSWERED_AND_ACKNOWLEDGED, DUMPED -> true;
    };
  }

  @Override
  public void close() {
    transport.close();
  }
}
