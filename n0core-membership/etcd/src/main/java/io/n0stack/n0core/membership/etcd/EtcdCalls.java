package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.common.exception.ErrorCode;
import io.etcd.jetcd.common.exception.EtcdExceptionFactory;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** Bounds calls to etcd, repeats those that another member may answer, and translates failures. */
final class EtcdCalls {
  private static final Duration ONE_TRY = Duration.ofSeconds(3);
  private static final long GRACE_MILLIS =
      500; // lets gRPC's deadline, which ends the call, go first
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long LONGEST_PAUSE_MILLIS = 500;
  private static final Set<ErrorCode> PASSING = Set.of(
      ErrorCode.UNAVAILABLE,
      ErrorCode.DEADLINE_EXCEEDED,
      ErrorCode.CANCELLED,
      ErrorCode.ABORTED,
      ErrorCode.UNKNOWN,
      ErrorCode.INTERNAL);

  private final EtcdConnection connection;
  private final Duration deadline;

  EtcdCalls(EtcdConnection connection, Duration deadline) {
    this.connection = connection;
    this.deadline = deadline;
  }

  /** One call, from its first try to its last. */
  final class Call {
    private final String operation;
    private final long end = System.nanoTime() + deadline.toNanos();
    private long pause = FIRST_PAUSE_MILLIS;
    private boolean sent;

    private Call(String operation) {
      this.operation = operation;
    }

    /** Tells whether a try may have reached a server that did not answer. */
    boolean mayHaveHappened() {
      return sent;
    }

    /** Tries until there is an answer; a change must be one that can happen only once. */
    <T> T await(Function<Client, CompletableFuture<T>> request) {
      while (true) {
        Client client = connection.client();
        Throwable failure = new TimeoutException("no answer in " + ONE_TRY.toMillis() + " ms");
        try {
          return once(request.apply(client));
        } catch (ExecutionException e) {
          failure = e.getCause() == null ? e : e.getCause();
          requirePassing(failure);
        } catch (TimeoutException e) {
          failure.addSuppressed(e);
        } catch (InterruptedException e) {
          throw N0Exception.interrupted(operation + (sent ? ", which may have happened" : ""), e);
        }
        if (EtcdConnection.neverSent(failure)) {
          connection.unreachable(client);
        } else {
          sent = true;
        }
        rest(failure);
      }
    }

    private <T> T once(CompletableFuture<T> answer)
        throws InterruptedException, ExecutionException, TimeoutException {
      long left = end - System.nanoTime();
      long most = Math.min(left, ONE_TRY.plusMillis(GRACE_MILLIS).toNanos());
      return answer.get(Math.max(most, 1), TimeUnit.NANOSECONDS);
    }

    private void requirePassing(Throwable failure) {
      if (!PASSING.contains(code(failure))) {
        throw refused(operation, failure);
      }
    }

    private void rest(Throwable failure) {
      if (System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pause) >= end) {
        throw unanswered(failure);
      }
      try {
        TimeUnit.MILLISECONDS.sleep(pause);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation + (sent ? ", which may have happened" : ""), e);
      }
      pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
    }

    private N0Exception unanswered(Throwable failure) {
      if (sent) {
        return new UnknownOutcomeException(operation, failure);
      }
      return new N0Exception(
          Code.UNAVAILABLE,
          "store",
          operation + ": no etcd member answered within " + deadline.toMillis() + " ms: " + failure,
          failure);
    }
  }

  Call call(String operation) {
    return new Call(operation);
  }

  /** Reads; there is nothing that could have happened. */
  <T> T read(String operation, Function<Client, CompletableFuture<T>> request) {
    try {
      return call(operation).await(request);
    } catch (UnknownOutcomeException e) {
      throw new N0Exception(
          Code.UNAVAILABLE,
          "store",
          operation + ": no answer from etcd within " + deadline.toMillis() + " ms: "
              + e.getCause(),
          e);
    }
  }

  private static N0Exception refused(String operation, Throwable failure) {
    Code code = switch (code(failure)) {
      case RESOURCE_EXHAUSTED -> Code.EXHAUSTED;
      case PERMISSION_DENIED, UNAUTHENTICATED -> Code.PERMISSION;
      case INVALID_ARGUMENT, OUT_OF_RANGE -> Code.INVALID;
      default -> Code.UNAVAILABLE;
    };
    return new N0Exception(code, "store", operation + ": etcd: " + failure.getMessage(), failure);
  }

  /** jetcd translates some failures and passes others on as gRPC made them. */
  private static ErrorCode code(Throwable failure) {
    return EtcdExceptionFactory.toEtcdException(failure).getErrorCode();
  }

  /** Ends each try in gRPC too, which otherwise would wait for a stopped server for ever. */
  static final class Deadlines implements ClientInterceptor {
    @Override
    public <A, B> ClientCall<A, B> interceptCall(
        MethodDescriptor<A, B> method, CallOptions options, Channel next) {
      boolean unary = method.getType() == MethodDescriptor.MethodType.UNARY;
      CallOptions bounded =
          unary ? options.withDeadlineAfter(ONE_TRY.toMillis(), TimeUnit.MILLISECONDS) : options;
      return next.newCall(method, bounded);
    }
  }
}
