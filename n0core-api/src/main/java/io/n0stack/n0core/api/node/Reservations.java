package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Keeps capacity of nodes, and addresses, for owners, so that no two processes give the same twice.
 * Durable when a method returns. Thread-safe.
 *
 * @since 0.1
 */
public interface Reservations {
  /**
   * Reserves. The same request again is no mistake and changes nothing; after a crash or a lost answer
   * it completes what was begun.
   *
   * @param wanted what, where and for whom
   * @throws N0Exception EXHAUSTED, naming what is short, if the node's capacity does not cover it or an
   *     address is taken, and then nothing is reserved; NOT_FOUND if there is no such node; PRECONDITION
   *     if the owner has another reservation; BUSY if others kept being quicker; UNAVAILABLE if the store
   *     does not answer
   * @throws UnknownOutcomeException if the store's answer was lost; asking again tells
   */
  void reserve(Reservation wanted);

  /**
   * Gives back all that an owner has. An owner that has nothing is no mistake.
   *
   * @param owner the owner's uid
   * @throws N0Exception BUSY if others kept being quicker; UNAVAILABLE if the store does not answer
   */
  void release(UUID owner);

  /**
   * Finds what an owner has.
   *
   * @param owner the owner's uid
   * @return the reservation, empty if there is none
   */
  Optional<Reservation> find(UUID owner);

  /**
   * Sums up what is reserved of a node.
   *
   * @param node the node's name
   * @return the sums
   */
  Resources reserved(String node);

  /**
   * Lists who has reserved something of a node.
   *
   * @param node the node's name
   * @return the owners
   */
  List<UUID> owners(String node);
}
