package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.UUID;

/**
 * The way from the source's agent to the target's; the embedding program has one. Each call leads to the method
 * of the same name of the target's {@link Migration}, and may be made again.
 *
 * @since 0.1
 */
public interface MigrationTarget {
  /**
   * Has the target run the machine.
   *
   * @param machine the machine
   * @param release that the source has given it away
   * @return what the target answered
   * @throws N0Exception whatever the target threw, or UNAVAILABLE if it cannot be reached or gives no answer
   */
  Verdict takeOver(ResourceId machine, MigrationRelease release);

  /**
   * Has the target promise never to run the machine under a token.
   *
   * @param machine the machine
   * @param token the token
   * @return what the target answered
   * @throws N0Exception whatever the target threw, or UNAVAILABLE if it cannot be reached or gives no answer
   */
  Verdict refuse(ResourceId machine, UUID token);
}
