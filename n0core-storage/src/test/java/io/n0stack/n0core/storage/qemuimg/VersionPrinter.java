package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;

/** A process that asks a program for its version, and says what came of it. */
final class VersionPrinter {
  private VersionPrinter() {}

  /**
   * Runs once.
   *
   * @param arguments the program
   */
  public static void main(String[] arguments) {
    try {
      System.out.println(new QemuImg(Settings.standard().withProgram(arguments[0])).version());
    } catch (N0Exception e) {
      System.out.println(e.code() + " " + e.getMessage());
    }
  }
}
