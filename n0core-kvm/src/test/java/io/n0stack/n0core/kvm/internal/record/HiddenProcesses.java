package io.n0stack.n0core.kvm.internal.record;

import java.io.IOException;

/** A process before whose eyes {@code /proc} is covered, in a mount namespace of its own. */
final class HiddenProcesses {
  private HiddenProcesses() {}

  public static void main(String[] arguments) throws Exception {
    LaunchedProcess self = LaunchedProcess.of(ProcessHandle.current().pid());
    System.out.println("before " + self.alive());
    int status =
        new ProcessBuilder("mount", "-t", "tmpfs", "cover", "/proc").start().waitFor();
    System.out.println("covered " + (status == 0));
    try {
      System.out.println("after " + self.alive());
    } catch (IOException e) {
      System.out.println("after unseen");
    }
  }
}
