package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Path;

/** Opens a store, says so, and holds it until it is killed; or says who has it. */
final class StoreHolder {
  private StoreHolder() {}

  public static void main(String[] args) throws IOException {
    try (FileStore store = FileStore.open(Path.of(args[0]))) {
      System.out.println("open");
      System.out.flush();
      System.in.read();
      store.list("");
    } catch (N0Exception e) {
      String message = String.valueOf(e.getMessage());
      int pid = message.indexOf("pid ");
      System.out.println(e.code() + " " + message.substring(pid, message.indexOf(';')));
    }
  }
}
