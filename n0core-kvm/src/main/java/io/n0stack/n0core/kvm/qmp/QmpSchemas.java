package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps schemas, one for each QEMU program: by its path, size, time of change and version, so that one
 * that was replaced is asked again. Thread-safe.
 *
 * @since 0.1
 */
public final class QmpSchemas {
  private static final Logger LOG = LoggerFactory.getLogger(QmpSchemas.class);

  private final Optional<Path> directory;
  private final Map<String, QmpSchema> known = new ConcurrentHashMap<>();

  private QmpSchemas(Optional<Path> directory) {
    this.directory = directory;
  }

  /**
   * Keeps schemas as long as this object lives.
   *
   * @return an empty store
   */
  public static QmpSchemas inMemory() {
    return new QmpSchemas(Optional.empty());
  }

  /**
   * Keeps schemas also in files, for the next process.
   *
   * @param directory where; it must exist
   * @return a store
   */
  public static QmpSchemas in(Path directory) {
    return new QmpSchemas(Optional.of(directory));
  }

  /**
   * Returns a program's schema, and asks QEMU for it only if it is not known.
   *
   * @param program the QEMU program that runs
   * @param client a connection to it
   * @param deadline the time allowed to ask
   * @return what it understands
   * @throws N0Exception NOT_FOUND if the program's file cannot be looked at, and as {@link
   *     QmpClient#execute(String, Map, Duration)} does
   */
  public QmpSchema of(Path program, QmpClient client, Duration deadline) {
    String key =
        key(program, client.greeting().find("/version").map(Object::toString).orElse(""));
    QmpSchema schema = known.get(key);
    if (schema == null) {
      schema = directory.flatMap(place -> read(place.resolve(key))).orElse(null);
    }
    if (schema == null) {
      byte[] line = client.line("query-qmp-schema", deadline);
      schema = QmpSchema.parse(line);
      directory.ifPresent(place -> write(place.resolve(key), line));
    }
    known.put(key, schema);
    return schema;
  }

  private static String key(Path program, String version) {
    try {
      Path real = program.toRealPath();
      BasicFileAttributes file = Files.readAttributes(real, BasicFileAttributes.class);
      String text = real + "\n" + file.size() + "\n" + file.lastModifiedTime() + "\n" + version;
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return "qmp-schema-" + HexFormat.of().formatHex(hash, 0, 16) + ".json";
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND,
          "program \"" + program + "\"",
          "look at program \"" + program + "\": " + e.getMessage(),
          e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }

  private static Optional<QmpSchema> read(Path file) {
    try {
      return Files.exists(file)
          ? Optional.of(QmpSchema.parse(Files.readAllBytes(file)))
          : Optional.empty();
    } catch (IOException | N0Exception e) {
      LOG.warn("a kept QMP schema is asked for again: {}", e.toString());
      return Optional.empty();
    }
  }

  /** Others may write the same file: it is whole at any time. */
  private static void write(Path file, byte[] line) {
    try {
      Path part = Files.createTempFile(file.getParent(), "qmp-schema-", ".part");
      try {
        Files.write(part, line);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      LOG.warn("a QMP schema could not be kept: {}", e.toString());
    }
  }
}
