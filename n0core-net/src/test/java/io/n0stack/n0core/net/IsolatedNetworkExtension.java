package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/** Decides for {@link IsolatedNetwork}. */
public final class IsolatedNetworkExtension implements InvocationInterceptor {
  private static final int CLONE_NEWNET = 0x40000000; // linux/sched.h

  /** What the C library is needed for. */
  public interface Namespaces {
    /** See unshare(2). */
    int unshare(int flags);
  }

  private static final class Room implements AutoCloseable {
    private final ExecutorService thread = Executors.newSingleThreadExecutor(r -> {
      Thread created = new Thread(r, "isolated-network");
      created.setDaemon(true);
      return created;
    });

    Room() {
      run(() -> {
        Namespaces c = LibraryLoader.create(Namespaces.class).load("c");
        assertThat(c.unshare(CLONE_NEWNET)).as("unshare(CLONE_NEWNET)").isZero();
      });
    }

    void run(Runnable body) {
      CompletableFuture.runAsync(body, thread).join();
    }

    @Override
    public void close() {
      thread.shutdownNow();
      await().atMost(Duration.ofSeconds(10)).until(thread::isTerminated);
    }
  }

  /** Called by the test engine; public, because it looks in from outside the module. */
  public IsolatedNetworkExtension() {}

  private static Room room(ExtensionContext context) {
    return context
        .getStore(ExtensionContext.Namespace.create(IsolatedNetworkExtension.class))
        .getOrComputeIfAbsent(Room.class, key -> new Room(), Room.class);
  }

  private static <T> T within(Invocation<T> invocation, ExtensionContext context) throws Throwable {
    CompletableFuture<T> result = new CompletableFuture<>();
    room(context).run(() -> {
      try {
        result.complete(invocation.proceed());
      } catch (Throwable e) {
        result.completeExceptionally(e);
      }
    });
    try {
      return result.get();
    } catch (ExecutionException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }

  @Override
  public void interceptBeforeEachMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    within(invocation, context);
  }

  @Override
  public void interceptAfterEachMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    within(invocation, context);
  }

  @Override
  public void interceptTestMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    within(invocation, context);
  }

  @Override
  public void interceptTestTemplateMethod(
      Invocation<Void> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    within(invocation, context);
  }

  @Override
  public <T> T interceptTestFactoryMethod(
      Invocation<T> invocation,
      ReflectiveInvocationContext<Method> method,
      ExtensionContext context)
      throws Throwable {
    return within(invocation, context);
  }

  @Override
  public void interceptDynamicTest(
      Invocation<Void> invocation, DynamicTestInvocationContext test, ExtensionContext context)
      throws Throwable {
    within(invocation, context);
  }
}
