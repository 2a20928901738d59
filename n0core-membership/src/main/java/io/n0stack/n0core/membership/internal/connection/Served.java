package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.internal.connection.Wire.Kind;
import io.n0stack.n0core.membership.internal.connection.Wire.Message;
import io.n0stack.n0core.membership.internal.connection.Wire.Payload;
import io.n0stack.n0core.membership.internal.connection.Wire.Reply;
import io.n0stack.n0core.membership.internal.connection.Wire.Status;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A connection that a known peer has made, and the answers to what it asks. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Served extends SimpleChannelInboundHandler<byte[]> {
  private static final Logger LOG = LoggerFactory.getLogger(Served.class);
  private static final int MOST_AT_ONCE = 256;

  private final Channel channel;
  private final Peer peer;
  private final Map<String, Handler> handlers;
  private final Consumer<Peer> heard;
  private final Budget budget;
  private final AtomicInteger atOnce = new AtomicInteger();
  private final long openedNanos = System.nanoTime();
  private volatile long heardNanos = System.nanoTime();

  Served(
      Channel channel,
      Peer peer,
      Map<String, Handler> handlers,
      Consumer<Peer> heard,
      Budget budget) {
    super(byte[].class);
    this.channel = channel;
    this.peer = peer;
    this.handlers = handlers;
    this.heard = heard;
    this.budget = budget;
  }

  Peer peer() {
    return peer;
  }

  /** Tells how long this connection has been there. */
  Duration age() {
    return Duration.ofNanos(System.nanoTime() - openedNanos);
  }

  Duration idle() {
    return Duration.ofNanos(System.nanoTime() - heardNanos);
  }

  void close() {
    channel.close();
  }

  /** Asks the peer to connect anew. */
  void bye() {
    channel.writeAndFlush(Wire.bye());
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, byte[] frame) throws IOException {
    heardNanos = System.nanoTime();
    heard.accept(peer);
    Kind kind = Kind.of(frame[0]);
    if (kind != Kind.REQUEST && kind != Kind.ONE_WAY) {
      throw new IOException("a frame of kind " + kind);
    }
    Message message = Wire.readMessage(frame);
    Handler handler = handlers.get(message.subject());
    if (handler == null) {
      reply(message, Status.NO_HANDLER, new byte[0]);
    } else if (atOnce.incrementAndGet() > MOST_AT_ONCE || !budget.take(frame.length)) {
      atOnce.decrementAndGet();
      reply(message, Status.BUSY, new byte[0]);
    } else {
      handle(handler, message, frame.length);
    }
  }

  private void handle(Handler handler, Message message, int bytes) {
    CompletableFuture<byte[]> answer;
    try {
      answer = handler.handle(peer, message.payload().bytes());
    } catch (RejectedExecutionException e) {
      answer = CompletableFuture.failedFuture(e); // it is closing
    }
    var unused = answer.whenComplete((payload, failure) -> {
      atOnce.decrementAndGet();
      budget.give(bytes);
      if (failure == null) {
        reply(message, Status.OK, payload == null ? new byte[0] : payload);
      } else {
        LOG.debug("{} of {} failed", message.subject(), peer.name(), failure);
        reply(message, Status.FAILED, new byte[0]);
      }
    });
  }

  private void reply(Message message, Status status, byte[] payload) {
    if (message.number() == 0 || !channel.isActive()) {
      return;
    }
    byte[] frame = Wire.reply(new Reply(message.number(), status, new Payload(payload)));
    if (frame.length > Wire.MOST - 64) {
      LOG.warn("{}: a reply of {} bytes is too large", message.subject(), frame.length);
      frame = Wire.reply(new Reply(message.number(), Status.FAILED, new Payload()));
    }
    if (channel.isWritable()) {
      channel.writeAndFlush(frame);
    } else {
      channel.close(); // a peer that asks and does not read
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    report(peer, cause);
    context.close();
  }

  /** Notes why a peer's connection is given up; that it has closed it is nothing to note. */
  static void report(Peer peer, Throwable cause) {
    if (cause instanceof IOException && !(cause instanceof Refused)) {
      LOG.debug("connection of {} at {}: {}", peer.name(), peer.address(), cause.toString());
    } else {
      LOG.warn("connection of {} at {}: {}", peer.name(), peer.address(), cause.toString());
    }
  }
}
