package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;

/** What is disturbed: it begins from a state, and ends in another. */
enum Act {
  CREATE,
  UPDATE,
  DELETE;

  <S extends Spec, T> void prepare(Bench<S, T> bench, Driver<S, T> driver, ResourceId id) {
    if (this != CREATE) {
      driver.apply(bench.context(), id, bench.fixture.spec());
    }
  }

  <S extends Spec, T> void run(
      DriverFixture<S, T> fixture, Driver<S, T> driver, Context cx, ResourceId id) {
    switch (this) {
      case CREATE -> driver.apply(cx, id, fixture.spec());
      case UPDATE -> driver.apply(cx, id, fixture.changed().orElseThrow());
      case DELETE -> driver.delete(cx, id);
    }
  }

  <S extends Spec, T> void requireDone(
      Bench<S, T> bench, Driver<S, T> driver, ResourceId id, String at) {
    if (this == DELETE) {
      bench.absent(driver, id, at);
    } else {
      bench.complete(driver, id, at);
    }
  }
}
