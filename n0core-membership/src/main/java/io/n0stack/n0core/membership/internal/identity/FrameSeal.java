package io.n0stack.n0core.membership.internal.identity;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.netty.handler.codec.CorruptedFrameException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Authenticates frames by a shared secret: each carries an HMAC-SHA-256 over its number and content,
 * under a key of this connection and direction. A frame of another connection, out of order, or seen
 * before does not open. See RFC 2104 and, for the keys, RFC 5869.
 */
public final class FrameSeal {
  private static final String ALGORITHM = "HmacSHA256";
  private static final int MAC_BYTES = 32;

  private final Mac sending;
  private final Mac receiving;
  private long sent;
  private long received;

  private FrameSeal(Mac sending, Mac receiving) {
    this.sending = sending;
    this.receiving = receiving;
  }

  /** Which side this is. */
  public enum Side {
    DIALLING,
    ACCEPTING
  }

  /** Derives the keys from the secret and from the greetings of both sides, nonces included. */
  static FrameSeal of(byte[] secret, Side side, byte[] dialling, byte[] accepting) {
    byte[] salt = concatenated(
        "n0core-membership-1".getBytes(StandardCharsets.US_ASCII),
        ByteBuffer.allocate(4).putInt(dialling.length).array(),
        dialling,
        accepting);
    byte[] master = mac(salt).doFinal(secret);
    byte[] there = mac(master).doFinal("dialling".getBytes(StandardCharsets.US_ASCII));
    byte[] back = mac(master).doFinal("accepting".getBytes(StandardCharsets.US_ASCII));
    return side == Side.DIALLING
        ? new FrameSeal(mac(there), mac(back))
        : new FrameSeal(mac(back), mac(there));
  }

  /**
   * Puts the code on a frame that is sent next.
   *
   * @param frame the content
   * @return content and code
   */
  public byte[] seal(byte[] frame) {
    return concatenated(frame, code(sending, sent++, frame));
  }

  /**
   * Takes the code off the frame that was received next.
   *
   * @param sealed content and code
   * @return the content
   * @throws CorruptedFrameException if the code is not that of this frame
   */
  public byte[] open(byte[] sealed) {
    if (sealed.length <= MAC_BYTES) {
      throw new CorruptedFrameException("a frame without a code");
    }
    byte[] frame = Arrays.copyOf(sealed, sealed.length - MAC_BYTES);
    byte[] claimed = Arrays.copyOfRange(sealed, frame.length, sealed.length);
    if (!MessageDigest.isEqual(claimed, code(receiving, received, frame))) {
      throw new CorruptedFrameException("a frame that is forged, replayed or of another secret");
    }
    received++;
    return frame;
  }

  private static byte[] code(Mac mac, long number, byte[] frame) {
    mac.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
    return mac.doFinal(frame);
  }

  private static Mac mac(byte[] key) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key, ALGORITHM));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new N0Exception(Code.INTERNAL, ALGORITHM, "this JVM lacks " + ALGORITHM, e);
    }
  }

  private static byte[] concatenated(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    ByteBuffer all = ByteBuffer.allocate(length);
    for (byte[] part : parts) {
      all.put(part);
    }
    return all.array();
  }
}
