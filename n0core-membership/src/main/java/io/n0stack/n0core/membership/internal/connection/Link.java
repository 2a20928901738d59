package io.n0stack.n0core.membership.internal.connection;

import io.atomix.cluster.messaging.MessagingException;
import io.n0stack.n0core.membership.internal.connection.Wire.Kind;
import io.n0stack.n0core.membership.internal.connection.Wire.Message;
import io.n0stack.n0core.membership.internal.connection.Wire.Payload;
import io.n0stack.n0core.membership.internal.connection.Wire.Reply;
import io.n0stack.n0core.membership.internal.connection.Wire.Status;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** A connection that this member has made, and the requests that wait for their replies on it. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Link extends SimpleChannelInboundHandler<byte[]> {
  private static final int SILENT_REQUESTS = 2;

  private final Channel channel;
  private final Peer peer;
  private final int generation;
  private final Consumer<Peer> heard;
  private final long openedNanos = System.nanoTime();
  private final AtomicLong numbers = new AtomicLong();
  private final Map<Long, CompletableFuture<byte[]>> waiting = new ConcurrentHashMap<>();
  private volatile long usedNanos = System.nanoTime();
  private volatile long heardNanos = System.nanoTime();
  private final AtomicInteger unanswered = new AtomicInteger();
  private volatile boolean retired;

  Link(Channel channel, Peer peer, int generation, Consumer<Peer> heard) {
    super(byte[].class);
    this.channel = channel;
    this.peer = peer;
    this.generation = generation;
    this.heard = heard;
  }

  Peer peer() {
    return peer;
  }

  /** Tells whether new requests may use it. */
  boolean usable(int currentGeneration) {
    return channel.isActive() && !retired && generation == currentGeneration;
  }

  Duration idle() {
    return Duration.ofNanos(System.nanoTime() - usedNanos);
  }

  Duration age() {
    return Duration.ofNanos(System.nanoTime() - openedNanos);
  }

  /** Sends no more requests, and closes once the last has its reply. */
  void retire() {
    retired = true;
    if (waiting.isEmpty()) {
      channel.close();
    }
  }

  void close() {
    channel.close();
  }

  CompletableFuture<Void> send(String subject, byte[] payload) {
    CompletableFuture<Void> sent = new CompletableFuture<>();
    write(new Message(0, subject, new Payload(payload)), sent);
    return sent;
  }

  CompletableFuture<byte[]> request(String subject, byte[] payload, Duration timeout) {
    long number = numbers.incrementAndGet();
    long begun = System.nanoTime();
    CompletableFuture<byte[]> reply = new CompletableFuture<>();
    waiting.put(number, reply);
    if (!channel.isActive()) {
      reply.completeExceptionally(new IOException("the connection is closed"));
    }
    CompletableFuture<byte[]> bounded =
        reply.orTimeout(Math.max(1, timeout.toMillis()), TimeUnit.MILLISECONDS);
    var unused = bounded.whenComplete((answer, failure) -> {
      waiting.remove(number);
      if (failure instanceof TimeoutException && heardNanos - begun < 0) {
        silent();
      }
      if (retired && waiting.isEmpty()) {
        channel.close();
      }
    });
    CompletableFuture<Void> sent = new CompletableFuture<>();
    write(new Message(number, subject, new Payload(payload)), sent);
    var unusedSent = sent.whenComplete((done, failure) -> {
      if (failure != null) {
        reply.completeExceptionally(failure);
      }
    });
    return bounded;
  }

  /** Gives up a connection on which nothing comes back: it may lead to a host that is no more. */
  private void silent() {
    if (unanswered.incrementAndGet() >= SILENT_REQUESTS) {
      channel.close();
    }
  }

  private void write(Message message, CompletableFuture<Void> sent) {
    usedNanos = System.nanoTime();
    byte[] frame = Wire.message(message);
    if (frame.length > Wire.MOST_ASKED - 64) {
      sent.completeExceptionally(new MessagingException("message of " + frame.length + " bytes"));
    } else if (!channel.isWritable() && channel.isActive()) {
      sent.completeExceptionally(new IOException("\"" + peer.name() + "\" does not read"));
    } else {
      channel.writeAndFlush(frame).addListener(written -> {
        if (written.isSuccess()) {
          sent.complete(null);
        } else {
          sent.completeExceptionally(written.cause());
        }
      });
    }
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, byte[] frame) throws IOException {
    heardNanos = System.nanoTime();
    unanswered.set(0);
    heard.accept(peer);
    if (Kind.of(frame[0]) == Kind.BYE) {
      retire();
      return;
    }
    Reply reply = Wire.readReply(frame);
    CompletableFuture<byte[]> asked = waiting.get(reply.number());
    if (asked == null) {
      return; // too late
    }
    if (reply.status() == Status.OK) {
      asked.complete(reply.payload().bytes());
    } else {
      asked.completeExceptionally(failure(reply.status()));
    }
  }

  private static MessagingException failure(Status status) {
    return switch (status) {
      case NO_HANDLER -> new MessagingException.NoRemoteHandler();
      case BUSY -> new MessagingException("the other side is busy");
      default -> new MessagingException.RemoteHandlerFailure();
    };
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    waiting
        .values()
        .forEach(reply ->
            reply.completeExceptionally(new IOException("\"" + peer.name() + "\" closed")));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    Served.report(peer, cause);
    context.close();
  }
}
