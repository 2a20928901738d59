package io.n0stack.n0core.storage.qemuimg;

import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * The secrets of one run as QEMU objects. One alone comes through standard input. Of several none
 * can, as a pipe is read to its end: what comes through it is a random key, used once, that the
 * others are encrypted with.
 */
final class Secrets {
  // As large as the buffer in front of the pipe, which then keeps no copy.
  private static final int INPUT_BYTES = 8192;
  private static final String MASTER = "master";

  private final List<Secret> all = new ArrayList<>();

  /** Adds a secret unless it is there, and returns the name of its object. */
  String id(Secret secret) {
    if (!all.contains(secret)) {
      all.add(secret);
    }
    return "secret" + all.indexOf(secret);
  }

  /** Adds the objects to a command line; returns what goes to standard input. */
  byte[] objects(List<String> arguments) {
    if (all.isEmpty()) {
      return new byte[0];
    }
    if (all.size() == 1) {
      arguments.add("--object");
      arguments.add(fromInput(id(all.get(0))));
      byte[] value = all.get(0).copy();
      return input(value);
    }
    byte[] key = new byte[32];
    SecureRandom random = new SecureRandom();
    random.nextBytes(key);
    arguments.add("--object");
    arguments.add(fromInput(MASTER));
    for (Secret secret : all) {
      arguments.add("--object");
      arguments.add(encrypted(secret, key, random));
    }
    return input(key);
  }

  private static String fromInput(String id) {
    return "secret,id=" + id + ",format=base64,file=/dev/stdin";
  }

  private String encrypted(Secret secret, byte[] key, SecureRandom random) {
    byte[] iv = new byte[16];
    random.nextBytes(iv);
    byte[] value = secret.copy();
    try {
      Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
      cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(iv));
      Base64.Encoder base64 = Base64.getEncoder();
      return "secret,id=" + id(secret) + ",keyid=" + MASTER + ",iv=" + base64.encodeToString(iv)
          + ",format=base64,data=" + base64.encodeToString(cipher.doFinal(value));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has AES", e);
    } finally {
      Arrays.fill(value, (byte) 0);
    }
  }

  /** Encodes and wipes. QEMU skips the line ends that fill the rest. */
  private static byte[] input(byte[] value) {
    byte[] encoded = Base64.getEncoder().encode(value);
    byte[] input = new byte[INPUT_BYTES];
    Arrays.fill(input, (byte) '\n');
    System.arraycopy(encoded, 0, input, 0, encoded.length);
    Arrays.fill(encoded, (byte) 0);
    Arrays.fill(value, (byte) 0);
    return input;
  }
}
