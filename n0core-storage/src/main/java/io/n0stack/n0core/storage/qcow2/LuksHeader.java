package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The LUKS header of an encrypted image, without its keys.
 *
 * @param cipher algorithm and bits of the key, such as {@code aes-256}
 * @param mode mode of the cipher, such as {@code xts}
 * @param ivGenerator how the start of each sector is made, such as {@code plain64}
 * @param ivHash the hash that it uses, if it does
 * @param hash the hash that stretches pass phrases, such as {@code sha256}
 * @param uuid identity of the header
 * @param payloadOffset where the encrypted data would begin, within the header
 * @param masterKeyIterations how often the digest of the master key was hashed
 * @param slots the eight key slots
 * @since 0.1
 */
public record LuksHeader(
    String cipher,
    String mode,
    String ivGenerator,
    Optional<String> ivHash,
    String hash,
    String uuid,
    long payloadOffset,
    long masterKeyIterations,
    List<Slot> slots) {

  /** Copies the list. */
  public LuksHeader {
    slots = List.copyOf(slots);
  }

  /**
   * Whether a slot holds a key.
   *
   * @since 0.1
   */
  public enum State {
    /** A pass phrase opens it. */
    ACTIVE,
    /** It is free. */
    INACTIVE
  }

  /**
   * A key slot.
   *
   * @param state whether it holds a key
   * @param iterations how often its pass phrase is hashed
   * @param stripes into how many pieces its key is split
   * @param keyOffset where its key material is, within the header
   * @since 0.1
   */
  public record Slot(State state, long iterations, long stripes, long keyOffset) {}

  /**
   * Reads the LUKS header of an image. Needs no secret.
   *
   * @param image absolute path of the image
   * @return the header, empty if the image is not encrypted by LUKS
   * @throws N0Exception as for {@link Qcow2Header#read(Path)}
   */
  public static Optional<LuksHeader> read(Path image) {
    try (FileChannel file = ImageFiles.open(image)) {
      return read(file, Qcow2Header.read(file));
    } catch (IOException e) {
      throw ImageFiles.failure("read LUKS header of image", image, e);
    }
  }

  static Optional<LuksHeader> read(FileChannel file, Qcow2Header header) throws IOException {
    return header.luksPointer().isEmpty()
        ? Optional.empty()
        : Optional.of(LuksReader.read(file, header.luksPointer().get()));
  }
}
