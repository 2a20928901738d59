package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.Member;
import io.atomix.cluster.MemberId;
import io.atomix.cluster.protocol.SwimMembershipProtocol;
import io.atomix.utils.Version;
import io.atomix.utils.net.Address;
import io.atomix.utils.serializer.Serializer;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Form;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.commons.lang3.tuple.Pair;

/**
 * Translates between what Atomix serializes for itself and what goes over a connection. Atomix's
 * serializer allocates whatever a length in its input says, so it gets to read only what this process
 * has written.
 */
final class SwimMessages {
  static final String SYNC = "atomix-membership-sync";
  static final String PROBE = "atomix-membership-probe";
  static final String PROBE_REQUEST = "atomix-membership-probe-request";
  static final String NEWS = MessagingUnicast.PREFIX + "atomix-membership-gossip";

  private static final Version VERSION = SealedCluster.VERSION;
  private static final Map<String, Form> QUESTIONS =
      Map.of(SYNC, Form.MEMBER, PROBE, Form.PAIR, PROBE_REQUEST, Form.MEMBER, NEWS, Form.NEWS);
  private static final Map<String, Form> ANSWERS =
      Map.of(SYNC, Form.LIST, PROBE, Form.PAIR, PROBE_REQUEST, Form.FLAG);

  private final Serializer serializer;
  private final Constructor<?> constructor;
  private final Object[] states;
  private final Method state;
  private final Method incarnation;

  SwimMessages() {
    try {
      Class<?> protocol = SwimMembershipProtocol.class;
      Field field = protocol.getDeclaredField("SERIALIZER");
      field.setAccessible(true);
      serializer = (Serializer) field.get(null);
      Class<?> member = Class.forName(protocol.getName() + "$ImmutableMember");
      constructor = member.getDeclaredConstructors()[0];
      constructor.setAccessible(true);
      states = Class.forName(protocol.getName() + "$State").getEnumConstants();
      state = member.getDeclaredMethod("state");
      state.setAccessible(true);
      incarnation = member.getDeclaredMethod("incarnationNumber");
      incarnation.setAccessible(true);
    } catch (ReflectiveOperationException e) {
      throw another(e);
    }
  }

  private static N0Exception another(Exception cause) {
    return new N0Exception(
        Code.INTERNAL, "Atomix", "this Atomix is not the one that n0core was made for", cause);
  }

  /** Tells whether these are messages of the protocol; no others are sent or served. */
  static boolean known(String subject) {
    return QUESTIONS.containsKey(subject);
  }

  /** Writes what Atomix asks or tells, in as many messages as are needed. */
  List<byte[]> questions(String subject, byte[] own) {
    Form form = form(QUESTIONS, subject);
    List<Optional<Told>> members = members(form, serializer.decode(own));
    if (form != Form.NEWS) {
      return List.of(SwimWire.write(form, members));
    }
    List<byte[]> messages = new ArrayList<>();
    for (int from = 0; from < members.size(); from += SwimWire.MOST_NEWS) {
      int to = Math.min(members.size(), from + SwimWire.MOST_NEWS);
      messages.add(SwimWire.write(form, members.subList(from, to)));
    }
    return messages;
  }

  /** Reads what another asks or tells. */
  static List<Optional<Told>> readQuestion(String subject, byte[] message) {
    return SwimWire.read(form(QUESTIONS, subject), message);
  }

  /** Gives it to Atomix. */
  byte[] question(String subject, List<Optional<Told>> members) {
    return serializer.encode(object(form(QUESTIONS, subject), members));
  }

  /** Writes what Atomix answers. */
  byte[] answer(String subject, byte[] own) {
    Form form = form(ANSWERS, subject);
    if (form == Form.FLAG) {
      Boolean flag = serializer.decode(own);
      return SwimWire.write(flag);
    }
    List<Optional<Told>> members = members(form, serializer.decode(own));
    return SwimWire.write(form, members.subList(0, Math.min(members.size(), SwimWire.MOST_LISTED)));
  }

  /** Reads another's answer of members; empty if the answer is yes or no. */
  static List<Optional<Told>> readAnswer(String subject, byte[] message) {
    Form form = form(ANSWERS, subject);
    return form == Form.FLAG ? List.of() : SwimWire.read(form, message);
  }

  /** Gives an answer to Atomix. */
  byte[] ownAnswer(String subject, byte[] message, List<Optional<Told>> members) {
    Form form = form(ANSWERS, subject);
    return serializer.encode(
        form == Form.FLAG ? (Object) SwimWire.readFlag(message) : object(form, members));
  }

  private static Form form(Map<String, Form> forms, String subject) {
    return Optional.ofNullable(forms.get(subject))
        .orElseThrow(() -> new IllegalArgumentException("not of the protocol: " + subject));
  }

  private List<Optional<Told>> members(Form form, Object message) {
    if (form == Form.MEMBER) {
      return List.of(told(message));
    }
    if (form == Form.PAIR && message instanceof Pair<?, ?> pair) {
      return List.of(told(pair.getLeft()), told(pair.getRight()));
    }
    List<Optional<Told>> members = new ArrayList<>();
    ((Collection<?>) message).forEach(member -> members.add(told(member)));
    return members;
  }

  private Optional<Told> told(Object message) {
    if (!(message instanceof Member member)) {
      return Optional.empty();
    }
    try {
      Object has = state.invoke(member);
      State said = has == null ? State.NONE : State.valueOf(((Enum<?>) has).name());
      HostPort address = new HostPort(member.address().host(), member.address().port());
      long number = (Long) incarnation.invoke(member);
      return Optional.of(new Told(member.id().id(), address, said, number));
    } catch (ReflectiveOperationException e) {
      throw another(e);
    }
  }

  private Object object(Form form, List<Optional<Told>> members) {
    List<Object> objects = new ArrayList<>();
    for (Optional<Told> member : members) {
      objects.add(member.isPresent() ? member(member.get()) : null);
    }
    return switch (form) {
      case MEMBER -> only(objects, 1).get(0);
      case PAIR -> Pair.of(only(objects, 2).get(0), objects.get(1));
      default -> objects;
    };
  }

  private static List<Object> only(List<Object> objects, int count) {
    if (objects.size() != count) {
      throw N0Exception.invalid("number of members", objects.size(), "must be " + count);
    }
    return objects;
  }

  @SuppressWarnings("EnumOrdinal") // Atomix has the same states in the same order
  private Object member(Told told) {
    Object has = told.state() == State.NONE ? null : states[told.state().ordinal() - 1];
    try {
      return constructor.newInstance(
          MemberId.from(told.id()),
          Address.from(told.address().host(), told.address().port()),
          null,
          null,
          null,
          new Properties(),
          VERSION,
          0L,
          has,
          told.incarnation());
    } catch (ReflectiveOperationException e) {
      throw another(e);
    }
  }
}
