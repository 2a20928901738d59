package io.n0stack.n0core.tck.sim;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;

/**
 * A runtime with a defect: the real source of the agent with a few words replaced, compiled and loaded
 * beside the real one.
 *
 * @param name what it does wrong
 * @param scenario the scenario that shows it
 * @param edits what is replaced
 */
record Mutant(String name, String scenario, List<Edit> edits) {
  private static final Path SOURCES = Path.of("../agent/src/main/java/io/n0stack/n0core/agent");
  private static final List<String> RELOADED =
      List.of("io.n0stack.n0core.agent.", "io.n0stack.n0core.tck.sim.");

  /**
   * A replacement.
   *
   * @param type the class whose source it is in
   * @param original the text, which must be there exactly once
   * @param broken what takes its place
   */
  record Edit(String type, String original, String broken) {
    String applied() throws IOException {
      String source = Files.readString(SOURCES.resolve(type + ".java"));
      int at = source.indexOf(original);
      if (at < 0 || source.indexOf(original, at + 1) >= 0) {
        throw new AssertionError(
            "the mutant is out of date: not exactly once in " + type + ": " + original);
      }
      return source.substring(0, at) + broken + source.substring(at + original.length());
    }
  }

  static Mutant of(String name, String scenario, String type, String original, String broken) {
    return new Mutant(name, scenario, List.of(new Edit(type, original, broken)));
  }

  Mutant and(String type, String original, String broken) {
    List<Edit> more = new ArrayList<>(edits);
    more.add(new Edit(type, original, broken));
    return new Mutant(name, scenario, more);
  }

  /** Compiles it, and returns what the enumerator says of it, empty if it finds nothing wrong. */
  String judge(Path directory, String method) throws Exception {
    Path classes = Files.createDirectories(directory.resolve("classes"));
    List<String> files = new ArrayList<>();
    for (Edit edit : edits) {
      Path file = directory.resolve(edit.type() + ".java");
      Files.writeString(file, edit.applied());
      files.add(file.toString());
    }
    if (!files.isEmpty()) {
      compile(files, classes);
    }
    try (URLClassLoader loader = new Reloading(classes)) {
      Class<?> judge = loader.loadClass(FirstViolation.class.getName());
      return (String) judge.getMethod(method, String.class).invoke(null, scenario);
    }
  }

  private void compile(List<String> files, Path classes) {
    ToolProvider compiler = ToolProvider.findFirst("javac").orElseThrow();
    List<String> command = new ArrayList<>(List.of(
        "-d", classes.toString(), "-cp", String.join(":", paths()), "-proc:none", "-nowarn"));
    command.addAll(files);
    StringWriter complaints = new StringWriter();
    PrintWriter out = new PrintWriter(complaints);
    if (compiler.run(out, out, command.toArray(String[]::new)) != 0) {
      throw new AssertionError(name + " does not compile: " + complaints);
    }
  }

  /** Where this test's classes come from, on the class path or the module path. */
  private static List<String> paths() {
    List<String> all = new ArrayList<>();
    all.add(Path.of("target/classes").toAbsolutePath().toString());
    all.add(Path.of("target/test-classes").toAbsolutePath().toString());
    for (String property : List.of("jdk.module.path", "java.class.path")) {
      for (String path : System.getProperty(property, "").split(":", -1)) {
        if (!path.isEmpty()) {
          all.add(path);
        }
      }
    }
    return all;
  }

  /** Loads the runtime and its judge anew, the mutated classes first, and all else as it is. */
  private static final class Reloading extends URLClassLoader {
    private final ClassLoader rest;

    Reloading(Path classes) throws MalformedURLException {
      super(urls(classes), null);
      rest = Mutant.class.getClassLoader();
    }

    private static URL[] urls(Path classes) throws MalformedURLException {
      List<URL> urls = new ArrayList<>();
      urls.add(classes.toUri().toURL());
      for (String path : paths()) {
        urls.add(Path.of(path).toUri().toURL());
      }
      return urls.toArray(URL[]::new);
    }

    @Override
    protected Class<?> loadClass(String type, boolean resolve) throws ClassNotFoundException {
      synchronized (getClassLoadingLock(type)) {
        if (RELOADED.stream().noneMatch(type::startsWith)) {
          return rest.loadClass(type);
        }
        Class<?> loaded = findLoadedClass(type);
        return loaded == null ? findClass(type) : loaded;
      }
    }
  }
}
