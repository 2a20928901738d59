package io.n0stack.n0core.membership;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.ProtectionDomain;
import java.time.Instant;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * A wall clock that is wrong, for one process: a Java agent that makes every class outside the JDK read
 * the time of day from here. The monotonic clock and the kernel's timers go on as they do when somebody
 * sets the date.
 */
public final class ShiftedClock {
  private static final String SELF = ShiftedClock.class.getName().replace('.', '/');
  private static volatile long shiftMillis;

  private ShiftedClock() {}

  /** Writes the agent's jar. */
  static Path jar(Path directory) {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().putValue("Premain-Class", ShiftedClock.class.getName());
    Path jar = directory.resolve("clock.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file, manifest)) {
      out.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return jar;
  }

  /** Begins with a process; the argument is by how many milliseconds its clock is ahead. */
  public static void premain(String argument, Instrumentation instrumentation) {
    shift(Long.parseLong(argument));
    instrumentation.addTransformer(new ClassFileTransformer() {
      @Override
      public byte @Nullable [] transform(
          ClassLoader loader, String name, Class<?> old, ProtectionDomain domain, byte[] bytes) {
        return loader == null || name == null || name.equals(SELF) ? null : shifted(bytes);
      }
    });
  }

  /** Sets the clock. */
  static void shift(long millis) {
    shiftMillis = millis;
  }

  /** Takes the place of {@link System#currentTimeMillis()}. */
  public static long currentTimeMillis() {
    return System.currentTimeMillis() + shiftMillis;
  }

  /** Takes the place of {@link Instant#now()}. */
  public static Instant now() {
    return Instant.now().plusMillis(shiftMillis);
  }

  private static byte[] shifted(byte[] bytes) {
    ClassReader reader = new ClassReader(bytes);
    ClassWriter writer = new ClassWriter(reader, 0);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String type, String signature, String[] exceptions) {
            return new Calls(super.visitMethod(access, name, type, signature, exceptions));
          }
        },
        0);
    return writer.toByteArray();
  }

  /** Replaces the calls of one method. */
  private static final class Calls extends MethodVisitor {
    Calls(MethodVisitor next) {
      super(Opcodes.ASM9, next);
    }

    @Override
    public void visitMethodInsn(
        int opcode, String owner, String name, String type, boolean ofInterface) {
      boolean clock = (owner.equals("java/lang/System") && name.equals("currentTimeMillis"))
          || (owner.equals("java/time/Instant") && name.equals("now") && type.startsWith("()"));
      super.visitMethodInsn(opcode, clock ? SELF : owner, name, type, ofInterface);
    }
  }
}
