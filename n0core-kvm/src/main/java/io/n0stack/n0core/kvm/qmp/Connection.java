package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection to a monitor: sends requests, sorts what comes back. Thread-safe. */
final class Connection implements Pump.Sink {
  private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
  private static final int QUEUE = 7; // QEMU stops to read, also out of band, at 8

  /** A request, but for its id. */
  record Request(String verb, String command, byte[] arguments, int descriptor) {
    static Request of(String command, byte[] arguments) {
      return new Request("execute", command, arguments, Transport.NONE);
    }
  }

  private final String name;
  private final Transport transport;
  private final Calls calls = new Calls();
  private final Pump pump;
  private final Hands hands;
  private final CompletableFuture<JsonNode> greeting = new CompletableFuture<>();
  private final List<Events> subscriptions = new CopyOnWriteArrayList<>();
  private final ReentrantLock writing = new ReentrantLock();
  private final ReentrantLock describing = new ReentrantLock();
  private volatile @Nullable Semaphore queue;
  private final AtomicLong strangers = new AtomicLong();
  private volatile boolean ready;
  private boolean closed;

  Connection(String name, Transport transport) {
    this.name = name;
    this.transport = transport;
    hands = new Hands(name);
    pump = new Pump(name, transport, calls, this);
    pump.start();
  }

  String subject() {
    return "monitor \"" + name + "\"";
  }

  CompletableFuture<JsonNode> greeting() {
    return greeting;
  }

  Pump pump() {
    return pump;
  }

  /** Limits the commands on their way, so that those out of band can overtake them. */
  void enableOutOfBand() {
    queue = new Semaphore(QUEUE);
  }

  boolean outOfBand() {
    return queue != null;
  }

  /** Sends a request and returns the line with its answer. */
  byte[] call(Request request, Duration deadline) {
    String operation = operation(request);
    long end = System.nanoTime() + deadline.toNanos();
    try {
      boolean alone = request.descriptor() != Transport.NONE;
      if (alone && !describing.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        throw new OperationTimeoutException(operation, deadline);
      }
      try {
        Call call = send(request, null, end, deadline);
        if (!pump.await(call, end)) {
          expire(call);
          throw new OperationTimeoutException(operation, deadline);
        }
        return call.line();
      } finally {
        if (alone) {
          describing.unlock();
        }
      }
    } catch (IOException e) {
      throw new UnknownOutcomeException(operation, e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  private String operation(Request request) {
    return request.command() + " on " + subject();
  }

  /** A late answer still frees a place in QEMU's queue; else nobody needs to know of it. */
  void expire(Call call) {
    if (queue == null) {
      calls.forget(call);
    }
  }

  /** Sends a request whose answer arrives in a future. */
  CompletableFuture<QmpResult> submit(Request request, Duration deadline) {
    long end = System.nanoTime() + deadline.toNanos();
    Submitted submitted = new Submitted(this, request.command(), end, deadline);
    boolean sent = false;
    pump.expect();
    try {
      submitted.sent(send(request, submitted::answered, end, deadline));
      sent = true;
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation(request), e);
    } finally {
      if (!sent) {
        submitted.expire();
      }
    }
    hands.add(submitted);
    return submitted;
  }

  /** Called once for each submitted call, when it is answered or given up. */
  void settled(Submitted submitted) {
    pump.settled();
    hands.remove(submitted);
  }

  /** Tells how many replies have come that nobody waited for. */
  long strangers() {
    return strangers.get();
  }

  Hands hands() {
    return hands;
  }

  private Call send(Request request, @Nullable Consumer<Call> whenDone, long end, Duration deadline)
      throws InterruptedException {
    String operation = operation(request);
    Semaphore places = request.verb().equals("execute") ? queue : null;
    if (places != null && !places.tryAcquire(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      throw new OperationTimeoutException(operation, deadline);
    }
    Call call = calls.register(request.command(), places == null ? whenDone : done -> {
      places.release();
      if (whenDone != null) {
        whenDone.accept(done);
      }
    });
    boolean sent = false;
    try {
      if (!writing.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        throw new OperationTimeoutException(operation, deadline);
      }
      try {
        calls.requireOpen(operation, subject());
        write(operation, request, call.id(), end, deadline);
        sent = true;
      } finally {
        writing.unlock();
      }
    } finally {
      if (!sent && calls.forget(call) && places != null) {
        places.release();
      }
    }
    return call;
  }

  private void write(
      String operation, Request request, String id, long end, Duration deadline) {
    byte[] line = Requests.line(request.verb(), request.command(), request.arguments(), id);
    // Not the arguments, which may be secret.
    LOG.debug("{}: > {} {}", name, request.command(), id);
    int sent = 0;
    try {
      while (sent < line.length) {
        int count = transport.write(
            line,
            sent,
            line.length - sent,
            sent == 0 ? request.descriptor() : Transport.NONE,
            end - System.nanoTime());
        if (count == 0) {
          break;
        }
        sent += count;
      }
    } catch (IOException e) {
      transport.shutdown();
      if (sent == 0) {
        throw new N0Exception(
            N0Exception.Code.UNAVAILABLE,
            subject(),
            operation + ": not sent: " + e.getMessage(),
            e);
      }
      throw new UnknownOutcomeException(operation, e);
    }
    if (sent < line.length) {
      if (sent > 0) {
        transport.shutdown(); // half a request is in the stream: nothing sane can follow it
      }
      throw new OperationTimeoutException(operation, deadline);
    }
  }

  Events subscribe(Executor executor, QmpListener listener) {
    Events events = new Events(executor, listener, hands, subscriptions::remove);
    subscriptions.add(events);
    return events;
  }

  synchronized void close() {
    if (!closed) {
      closed = true;
      pump.close();
      writing.lock(); // who writes just now fails at once, after the shutdown
      try {
        transport.close();
      } finally {
        writing.unlock();
      }
      hands.close();
    }
  }

  @Override
  public void ended(IOException reason) {
    greeting.completeExceptionally(reason);
    calls.fail(reason);
  }

  @Override
  public void line(byte[] line) {
    String id = Replies.idAtEnd(line);
    if (id != null) {
      answer(calls.take(id), id, line);
      return;
    }
    JsonNode message;
    try {
      message = Replies.tree(line);
    } catch (IOException e) {
      LOG.warn("{}: dropped {} bytes that are not JSON", name, line.length);
      return;
    }
    if (message.has("event")) {
      QmpEvent event = Replies.event(message);
      subscriptions.forEach(events -> events.accept(event));
    } else if (message.has("QMP")) {
      greeting.complete(message.path("QMP"));
    } else if (message.has("id")) {
      String other = message.path("id").asText();
      answer(calls.take(other), other, line);
    } else if (message.has("error") && ready) {
      blame(message, line);
    } else {
      LOG.debug("{}: dropped a message of {} bytes", name, line.length);
    }
  }

  /** Says that the handshake is over: an error without id is no longer a predecessor's. */
  void ready() {
    ready = true;
  }

  private void answer(@Nullable Call call, String id, byte[] line) {
    if (call == null) {
      strangers.incrementAndGet();
      LOG.debug("{}: dropped a reply that nobody waits for: id {}", name, id);
    } else {
      call.answer(line);
    }
  }

  /** An error about bytes that QEMU could not parse: it can only be blamed on a single request. */
  private void blame(JsonNode message, byte[] line) {
    Call call = calls.takeOnly();
    if (call == null) {
      LOG.warn("{}: an error without id: {}", name, message.path("error"));
    } else {
      call.answer(line);
    }
  }
}
