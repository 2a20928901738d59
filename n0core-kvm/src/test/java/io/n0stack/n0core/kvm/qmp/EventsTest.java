package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class EventsTest {
  private final Queue<Runnable> work = new ArrayDeque<>();
  private final List<String> heard = new ArrayList<>();
  private final Events events = new Events(work::add, new Recorder(), Runnable::run, closed -> {});

  private final class Recorder implements QmpListener {
    @Override
    public void event(QmpEvent event) {
      heard.add(event.name() + event.data());
    }

    @Override
    public void lost(long count) {
      heard.add("lost " + count);
    }
  }

  @Test
  void ofAStateOnlyTheLastIsHeardAtItsPlace() throws JsonProcessingException {
    accept("BALLOON_CHANGE", "{\"actual\":1}");
    accept("STOP", "{}");
    accept("BALLOON_CHANGE", "{\"actual\":2}");
    accept("STOP", "{}");
    deliver();

    assertThat(heard)
        .containsExactly("STOP{}", "BALLOON_CHANGE{\"actual\":2}", "STOP{}");
  }

  @Test
  void statesOfDifferentThingsAreHeardEach() throws JsonProcessingException {
    accept("VSERPORT_CHANGE", "{\"open\":true,\"id\":\"a\"}");
    accept("VSERPORT_CHANGE", "{\"open\":true,\"id\":\"b\"}");
    accept("VSERPORT_CHANGE", "{\"open\":false,\"id\":\"a\"}");
    deliver();

    assertThat(heard)
        .containsExactly(
            "VSERPORT_CHANGE{\"open\":true,\"id\":\"b\"}",
            "VSERPORT_CHANGE{\"open\":false,\"id\":\"a\"}");
  }

  @Test
  void aFloodOfStatesLosesNothing() throws JsonProcessingException {
    accept("STOP", "{}");
    for (int i = 0; i < 3 * Events.LIMIT; i++) {
      accept("RTC_CHANGE", "{\"offset\":" + i + "}");
    }
    accept("RESUME", "{}");
    deliver();

    assertThat(heard)
        .containsExactly(
            "STOP{}", "RTC_CHANGE{\"offset\":" + (3 * Events.LIMIT - 1) + "}", "RESUME{}");
  }

  @Test
  void whereEventsWereLostTheListenerIsToldBetweenTheOthers() throws JsonProcessingException {
    for (int i = 0; i < Events.LIMIT + 5; i++) {
      accept("STOP", "{}");
    }
    deliver();
    accept("RESUME", "{}");
    deliver();

    assertThat(heard).hasSize(Events.LIMIT + 2);
    assertThat(heard.subList(Events.LIMIT, Events.LIMIT + 2))
        .containsExactly("lost 5", "RESUME{}");
  }

  @Test
  void afterCloseNothingIsHeard() throws JsonProcessingException {
    accept("STOP", "{}");
    events.close();
    deliver();

    assertThat(heard).isEmpty();
  }

  private void accept(String name, String data) throws JsonProcessingException {
    events.accept(new QmpEvent(name, new QmpResult(Replies.JSON.readTree(data)), Instant.EPOCH));
  }

  private void deliver() {
    for (Runnable next = work.poll(); next != null; next = work.poll()) {
      next.run();
    }
  }
}
