package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.internal.connection.Wire.Hello;
import io.n0stack.n0core.membership.internal.connection.Wire.Kind;
import io.n0stack.n0core.membership.internal.connection.Wire.Nonce;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.FrameSeal.Side;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds out who is at the other end. The side that dials greets, the other greets back, the first
 * proves itself, then the other does: to a stranger nothing is sent that needs the secret.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Handshake extends SimpleChannelInboundHandler<byte[]> {
  private static final long DEADLINE_MILLIS = 3_000;

  /** What both sides need to know of this member. */
  interface Host {
    Peer self();

    String cluster();

    Credentials credentials();

    SecureRandom random();

    /** Lets a peer in that has proved itself, from the address that it is at. */
    void admit(Peer peer, String from) throws Refused;

    /** Tells which address a connection leads to. */
    String source(Channel channel);
  }

  private final Host host;
  private final Side side;
  private final CompletableFuture<Peer> done;
  private byte @Nullable [] own;
  private @Nullable Peer claimed;
  private Optional<Refused> unwanted = Optional.empty();

  /**
   * Takes part in one greeting.
   *
   * @param done told who it is, on the connection's thread, or why nobody is let in
   */
  Handshake(Host host, Side side, CompletableFuture<Peer> done) {
    super(byte[].class);
    this.host = host;
    this.side = side;
    this.done = done;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    var unused = context
        .executor()
        .schedule(
            () -> {
              if (done.completeExceptionally(new IOException("no greeting in time"))) {
                context.close();
              }
            },
            DEADLINE_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    if (context.pipeline().get(SslHandler.class) == null) {
      begin(context);
    }
    context.fireChannelActive();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent tls) {
      if (tls.isSuccess()) {
        begin(context);
      } else {
        fail(context, tls.cause());
      }
    }
    context.fireUserEventTriggered(event);
  }

  private void begin(ChannelHandlerContext context) {
    if (side == Side.DIALLING) {
      context.writeAndFlush(greeting());
    }
  }

  private byte[] greeting() {
    byte[] nonce = new byte[Wire.NONCE_BYTES];
    host.random().nextBytes(nonce);
    byte[] hello = Wire.hello(host.cluster(), host.self(), new Nonce(nonce));
    own = hello;
    return hello;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, byte[] frame) throws Exception {
    Kind kind = Kind.of(frame[0]);
    if (kind == Kind.HELLO && claimed == null) {
      greeted(context, frame);
    } else if (kind == Kind.PROOF && claimed != null && frame.length == 1) {
      proved(context, claimed);
    } else if (kind == Kind.REFUSED && side == Side.DIALLING && claimed != null) {
      throw Wire.readRefused(frame);
    } else {
      throw new IOException("a frame of kind " + kind + " in the greeting");
    }
  }

  private void greeted(ChannelHandlerContext context, byte[] theirs) throws IOException {
    Hello hello = Wire.readHello(theirs);
    byte[] mine = own == null ? greeting() : own;
    FrameCodec codec = context.pipeline().get(FrameCodec.class);
    if (side == Side.ACCEPTING) {
      context.writeAndFlush(mine);
    }
    boolean dialling = side == Side.DIALLING;
    host.credentials()
        .seal(side, dialling ? mine : theirs, dialling ? theirs : mine)
        .ifPresent(codec::seal);
    claimed = hello.peer();
    try {
      claimed = checked(context.channel(), hello);
    } catch (Refused e) {
      unwanted = Optional.of(e); // said only to who has proved itself
      if (dialling) {
        throw e;
      }
    }
    if (dialling) {
      context.writeAndFlush(Wire.proof());
    }
  }

  private Peer checked(Channel channel, Hello hello) throws Refused {
    if (!hello.cluster().equals(host.cluster())) {
      throw new Refused(
          Reason.CLUSTER,
          "\"" + hello.peer().name() + "\" is of cluster \"" + hello.cluster() + "\", not \""
              + host.cluster() + "\"");
    }
    return host.credentials().identified(channel, hello.peer());
  }

  private void proved(ChannelHandlerContext context, Peer peer) throws Refused {
    if (unwanted.isPresent()) {
      throw unwanted.get();
    }
    host.admit(peer, host.source(context.channel()));
    if (side == Side.ACCEPTING) {
      context.writeAndFlush(Wire.proof());
    }
    context
        .pipeline()
        .get(FrameCodec.class)
        .trust(side == Side.DIALLING ? Wire.MOST : Wire.MOST_ASKED);
    if (done.complete(peer)) {
      context.pipeline().remove(this);
    } else {
      context.close();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    done.completeExceptionally(
        side == Side.DIALLING && claimed != null
            ? new Refused(
                Reason.SECRET,
                "\"" + claimed.name() + "\" closed after the greeting; has it another secret?")
            : new ClosedChannelException());
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    fail(context, cause);
  }

  private void fail(ChannelHandlerContext context, Throwable cause) {
    done.completeExceptionally(cause);
    if (cause instanceof Refused refused && side == Side.ACCEPTING && claimed != null) {
      context.writeAndFlush(Wire.refused(refused)).addListener(ChannelFutureListener.CLOSE);
    } else {
      context.close();
    }
  }
}
