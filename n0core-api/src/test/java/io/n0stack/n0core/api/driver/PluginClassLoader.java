package io.n0stack.n0core.api.driver;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;

/** Sees one jar of plugins: defines the sample classes anew and declares some of them. */
final class PluginClassLoader extends ClassLoader {
  private static final String SAMPLES = SamplePlugins.class.getName();

  private final List<String> declared;

  PluginClassLoader(String... declared) {
    super(PluginClassLoader.class.getClassLoader());
    this.declared = List.of(declared);
  }

  static String nameOf(Class<?> plugin) {
    return plugin.getName();
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(SAMPLES + "$")) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? define(name) : loaded;
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      byte[] bytes = in.readAllBytes();
      return defineClass(name, bytes, 0, bytes.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }

  @Override
  public Enumeration<URL> getResources(String name) throws IOException {
    if (!name.equals("META-INF/services/" + DriverPlugin.class.getName())) {
      return super.getResources(name);
    }
    return Collections.enumeration(List.of(text(String.join("\n", declared))));
  }

  // The replacement, URL.of, came with JDK 20.
  @SuppressWarnings("deprecation")
  private static URL text(String content) {
    try {
      return new URL("memory", "", -1, "plugins", new URLStreamHandler() {
        @Override
        protected URLConnection openConnection(URL url) {
          return new URLConnection(url) {
            @Override
            public void connect() {}

            @Override
            public InputStream getInputStream() {
              return new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8));
            }
          };
        }
      });
    } catch (MalformedURLException e) {
      throw new UncheckedIOException(e);
    }
  }
}
