package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the kit needs to know of a driver to try it on its real data plane.
 *
 * @param <S> the type of the spec
 * @param <T> the type of the status
 */
public interface DriverFixture<S extends Spec, T> {
  /**
   * Creates a new driver on the same data plane, as a restarted process would.
   *
   * @return the driver, which the kit closes
   */
  Driver<S, T> open();

  /**
   * Returns a spec that the driver can realise.
   *
   * @return the same spec at each call
   */
  S spec();

  /**
   * Returns a spec that can be realised beside those of other numbers, if {@link #spec()} uses up
   * something that there is only one of.
   *
   * @param number 0 to 15
   * @return the spec
   */
  default S spec(int number) {
    return spec();
  }

  /**
   * Returns a spec of which all that the driver advertises can be used: a machine with a screen and a disk that
   * holds snapshots, say.
   *
   * @return the same spec at each call, {@link #spec} by default
   */
  default S capableSpec() {
    return spec();
  }

  /**
   * Returns the data plane of another host that shares what the specs depend on, so that the kit can move a
   * resource there and back.
   *
   * @return the other host, empty if there is none
   */
  default Optional<DriverFixture<S, T>> neighbour() {
    return Optional.empty();
  }

  /**
   * Returns a spec into which a resource of {@link #spec()} can be changed.
   *
   * @return the changed spec, empty if nothing of it can be changed
   */
  default Optional<S> changed() {
    return Optional.empty();
  }

  /**
   * Returns what the specs depend on.
   *
   * @return statuses by reference
   */
  default Map<Reference, Object> dependencies() {
    return Map.of();
  }

  /**
   * Lists all there is on the data plane, whoever made it: links, files, processes. The kit compares
   * the list before and after.
   *
   * @return one line per thing, sorted
   */
  List<String> residue();

  /**
   * Returns what must not change when the same spec is applied again, such as a process id.
   *
   * @param status a status
   * @return the part of it that shows a disruption
   */
  default Object identity(T status) {
    return status;
  }

  /** What is undone when it is closed. */
  @FunctionalInterface
  interface Undo extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Uses a capability of the driver.
   *
   * @param <S> the type of the spec
   * @param <T> the type of the status
   */
  @FunctionalInterface
  interface Exercise<S extends Spec, T> {
    /**
     * Fails with an assertion if the capability does not keep its promise.
     *
     * @param driver the driver
     * @param cx a context
     * @param id a resource that was made of {@link DriverFixture#spec()}
     */
    void run(Driver<S, T> driver, StandaloneContext cx, ResourceId id);
  }

  /**
   * Says which cases cannot apply to the driver, such as a full disk to one that writes none. What
   * this fixture neither provides for nor names here is reported as not tried.
   *
   * @return the reason by topic
   */
  default Map<Topic, String> notApplicable() {
    return Map.of();
  }

  /**
   * Returns how another process creates this fixture, so that the kit can really kill it.
   *
   * @return the recipe, empty if there is none
   */
  default Optional<FixtureRecipe> recipe() {
    return Optional.empty();
  }

  /**
   * Puts foreign things on the data plane that resemble a resource: the same name without a stamp,
   * or with a broken one. They must show in {@link #residue} and {@link #contents}.
   *
   * @param near the resource, which does not exist
   * @return what removes them, empty if it cannot be done
   */
  default Optional<Undo> plantForeign(ResourceId near) {
    return Optional.empty();
  }

  /**
   * Reads what is on the data plane, so that the kit notices a change inside of a thing.
   *
   * @return what must be the same while nobody changes anything
   */
  default Object contents() {
    return residue();
  }

  /**
   * Cuts the driver off from its data plane for real, such as by renaming a directory.
   *
   * @param driver the driver that is to be blind
   * @return what restores it, empty if it cannot be done
   */
  default Optional<Undo> cutOff(Driver<S, T> driver) {
    return Optional.empty();
  }

  /**
   * Keeps one resource from answering, such as by stopping its process.
   *
   * @param status the resource
   * @return what lets it answer again, empty if a resource need not answer
   */
  default Optional<Undo> silence(T status) {
    return Optional.empty();
  }

  /**
   * Fills the disk of this data plane, which must be a small one of its own.
   *
   * @return what makes room again, empty if it cannot be done
   */
  default Optional<Undo> fillDisk() {
    return Optional.empty();
  }

  /**
   * Returns specs with strings that are hard to quote. Each must be refused before any effect or be
   * taken literally.
   *
   * @return the specs
   */
  default List<S> hostile() {
    return List.of();
  }

  /**
   * Returns uses of capabilities that the kit does not know.
   *
   * @return the use by capability
   */
  default Map<Class<?>, Exercise<S, T>> exercises() {
    return Map.of();
  }

  /**
   * Returns how often a resource is created and deleted in search of leaks.
   *
   * @return the number of cycles, 1,000 by default, or what {@link Repetition} makes of that
   */
  default int cycles() {
    return Repetition.of(1000);
  }
}
