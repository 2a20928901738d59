package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
import java.util.List;

/**
 * Makes the images by which cloud-init in a guest learns its name, its user and its keys. A capability of
 * drivers of volumes. Thread-safe.
 *
 * @since 0.1
 */
public interface SeedImages {
  /**
   * What a guest is told.
   *
   * @param instanceId what cloud-init tells one guest from another by; it acts again when it changes
   * @param hostname an RFC 1123 label
   * @param user the user that is created, with sudo and a locked password
   * @param authorizedKeys OpenSSH public keys of that user
   */
  record Seed(String instanceId, String hostname, String user, List<String> authorizedKeys) {
    /** Checks the names. */
    public Seed {
      Rules.label("seed.instanceId", instanceId);
      Rules.label("seed.hostname", hostname);
      Rules.label("seed.user", user);
      authorizedKeys = List.copyOf(authorizedKeys);
    }
  }

  /**
   * Makes an image. The same seed always gives the same bytes.
   *
   * @param seed what the guest is told
   * @return a file system that cloud-init's data source NoCloud finds by its label, less than 1 MiB
   * @throws io.n0stack.n0core.api.N0Exception INVALID if one of the keys or names cannot be told
   */
  byte[] seedImage(Seed seed);
}
