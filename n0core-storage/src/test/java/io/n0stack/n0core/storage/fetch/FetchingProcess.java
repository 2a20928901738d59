package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageSource.Compression;
import io.n0stack.n0core.storage.Images;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A process that fetches, to be killed or starved. */
final class FetchingProcess {
  private FetchingProcess() {}

  /** Returns the command that runs {@link #main}. */
  static List<String> command(Object... arguments) {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        Images.classPath(),
        FetchingProcess.class.getName()));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return command;
  }

  /**
   * Runs once.
   *
   * @param arguments what to do, address, digest, place, and compression if there is one
   */
  public static void main(String[] arguments) throws IOException {
    ContentRules.Builder rules = ContentRules.builder().digest(Digest.parse(arguments[2]));
    if (arguments.length > 4) {
      rules.compression(Compression.valueOf(arguments[4]));
    }
    FetchRequest request = FetchRequest.of(URI.create(arguments[1]), rules.build())
        .withTimeouts(Duration.ofSeconds(60), Duration.ofSeconds(20));
    Path place = Path.of(arguments[3]);
    try (ImageFetcher fetcher = ImageFetcher.standard()) {
      System.out.println("ready");
      switch (arguments[0]) {
        case "keep" ->
          fetcher.fetch(
              request.withPart(FetchRequest.Part.KEEP), place.resolve("image"), FetchListener.NONE);
        case "discard" -> fetcher.fetch(request, place.resolve("image"), FetchListener.NONE);
        default -> {
          ImageCache cache = ImageCache.open(place, "tenant", 1L << 30, fetcher);
          if (arguments[0].equals("evict")) {
            cache = cache.evicting();
            for (int i = 0; i < 3; i++) {
              cache.unpin(put(cache, (1 << 20) + i).digest(), "old");
            }
            System.out.println("pinned " + put(cache, 100_000).sizeBytes());
          }
          CachedImage image =
              cache.obtain(request, "process-" + ProcessHandle.current().pid(), FetchListener.NONE);
          System.out.println(
              "size " + image.sizeBytes() + " of " + cache.images().size());
        }
      }
      System.out.println("done");
    } catch (N0Exception e) {
      System.out.println(e.code() + " " + e.getMessage());
    }
    if (Files.isDirectory(place)) {
      System.out.println("left " + Contents.left(place));
    }
  }

  private static CachedImage put(ImageCache cache, int bytes) {
    return cache.importFrom(
        new ByteArrayInputStream(Contents.random(bytes)),
        ContentRules.builder().build(),
        "old",
        FetchListener.NONE);
  }
}
