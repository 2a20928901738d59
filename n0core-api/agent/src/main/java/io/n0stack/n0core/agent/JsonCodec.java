package io.n0stack.n0core.agent;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.AnnotatedMethod;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.jsontype.TypeResolverBuilder;
import com.fasterxml.jackson.databind.jsontype.impl.StdTypeResolverBuilder;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdScalarSerializer;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Specs and statuses as JSON, without an annotation on them: records by component name, a sealed
 * interface by a {@code type} property, an enum in lower case with hyphens, and a class with {@code
 * static T parse(String)} as its {@code toString()}. This is how an agent stores specs. Thread-safe.
 *
 * @since 0.1
 */
public final class JsonCodec {
  // Immutable once built, and what it learns of a type is worth keeping for all agents of a
  // process.
  private static final JsonMapper LENIENT = mapper();
  private static final JsonMapper STRICT = LENIENT
      .rebuild()
      .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
      .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
      .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
      .build();

  /** Creates a codec. */
  public JsonCodec() {}

  private static JsonMapper mapper() {
    SimpleModule values = new SimpleModule("n0core")
        .addSerializer(InetAddress.class, new AddressSerializer())
        .addDeserializer(InetAddress.class, new AddressDeserializer())
        .addSerializer(Path.class, new ToStringSerializer(Path.class))
        .addDeserializer(Path.class, new PathDeserializer());
    return JsonMapper.builder()
        .addModules(new Jdk8Module(), new JavaTimeModule(), values)
        .annotationIntrospector(new RecordIntrospector())
        .defaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL))
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .disable(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS)
        .disable(
            SerializationFeature
                .FAIL_ON_EMPTY_BEANS) // a case of a sealed family may have no components
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .build();
  }

  /**
   * Writes a value.
   *
   * @param type the type to write it as; for a case of a sealed family, the family
   * @param value a record or a case of a sealed family of records
   * @param <T> the type
   * @return JSON text
   */
  public <T> String encode(Class<T> type, T value) {
    return text(encoded(type, value));
  }

  /**
   * Reads what this or another version has written: components that do not exist here are passed over.
   *
   * @param type the type it was written as
   * @param json the text
   * @param <T> the type
   * @return the value
   * @throws N0Exception INVALID, naming the field, for what is no such value
   */
  public <T> T decode(Class<T> type, String json) {
    return decoded(type.getSimpleName(), type, tree(type.getSimpleName(), json));
  }

  /**
   * Reads what a person wrote: a component that does not exist is an error, and so are text for a
   * number and a number for an enum.
   *
   * @param type the type
   * @param json the text
   * @param <T> the type
   * @return the value
   * @throws N0Exception INVALID, naming the field, for anything that is wrong or unknown
   */
  public <T> T parse(Class<T> type, String json) {
    return parsed(type.getSimpleName(), type, tree(type.getSimpleName(), json));
  }

  /** Reads any JSON text. */
  JsonNode tree(String subject, String json) {
    try {
      return LENIENT.readTree(json);
    } catch (JsonProcessingException e) {
      throw invalid(subject, e);
    }
  }

  JsonNode encoded(Class<?> type, Object value) {
    try {
      return LENIENT.readTree(LENIENT.writerFor(type).writeValueAsBytes(value));
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          type.getName(),
          "encode " + type.getName() + ": " + e.getMessage(),
          e);
    }
  }

  String text(JsonNode tree) {
    try {
      return LENIENT.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
    } catch (JsonProcessingException e) {
      throw invalid("record", e);
    }
  }

  /** Refuses anything but an object with these fields, so that a misspelt one is not passed over. */
  static void requireFields(String subject, JsonNode tree, Set<String> known) {
    if (!tree.isObject()) {
      throw N0Exception.invalid(subject, tree, "must be an object");
    }
    tree.fieldNames().forEachRemaining(name -> {
      if (!known.contains(name)) {
        throw N0Exception.invalid(subject, name, "must have no fields but " + known);
      }
    });
  }

  JsonNode object() {
    return LENIENT.createObjectNode();
  }

  /** Reads a spec of ours back: components that a later version has added are passed over. */
  <T> T decoded(String subject, Class<T> type, JsonNode tree) {
    return read(LENIENT, subject, type, tree);
  }

  /** Reads a spec that a person wrote: a component that does not exist is an error. */
  <T> T parsed(String subject, Class<T> type, JsonNode tree) {
    return read(STRICT, subject, type, tree);
  }

  private static <T> T read(JsonMapper mapper, String subject, Class<T> type, JsonNode tree) {
    try {
      T value = mapper.readerFor(type).readValue(tree);
      if (value == null) {
        throw N0Exception.invalid(subject, "null", "must be a " + type.getSimpleName());
      }
      return value;
    } catch (IOException e) {
      throw invalid(subject, e);
    }
  }

  private static N0Exception invalid(String subject, IOException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof N0Exception rule) {
        return new N0Exception(
            N0Exception.Code.INVALID, subject, subject + ": " + rule.getMessage(), e);
      }
    }
    String where = e instanceof JsonMappingException mapping ? mapping.getPathReference() : "";
    String why =
        e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
    return new N0Exception(
        N0Exception.Code.INVALID,
        subject,
        subject + ": " + why + (where.isEmpty() ? "" : " at " + field(where)),
        e);
  }

  /** Turns {@code a.b.Spec["x"]->java.util.ArrayList[0]} into {@code x[0]}. */
  private static String field(String reference) {
    StringBuilder out = new StringBuilder();
    for (String part : reference.split("->", -1)) {
      int bracket = part.indexOf('[');
      String key = bracket < 0 ? part : part.substring(bracket + 1, part.length() - 1);
      boolean index = !key.startsWith("\"");
      out.append(index ? "[" + key + "]" : (out.length() == 0 ? "" : ".") + key.replace("\"", ""));
    }
    return out.toString();
  }

  private static String caseName(Class<?> type) {
    return type.getSimpleName().replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
  }

  /** Finds in the shape of the types what others write into annotations. */
  private static final class RecordIntrospector extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1L;
    private static final List<Class<?>> EMPTIABLE =
        List.of(Optional.class, Collection.class, Map.class, String.class);

    @Override
    public @Nullable TypeResolverBuilder<?> findTypeResolver(
        MapperConfig<?> config, AnnotatedClass type, JavaType base) {
      // A case, too, is written as its family when it is asked for by its own type.
      if (!isFamily(type.getRawType())) {
        return super.findTypeResolver(config, type, base);
      }
      return new StdTypeResolverBuilder()
          .init(JsonTypeInfo.Id.NAME, null)
          .inclusion(JsonTypeInfo.As.PROPERTY)
          .typeProperty("type");
    }

    /** Sealed interfaces of specs; the JDK seals classes of its own, such as InetAddress. */
    private static boolean isFamily(Class<?> type) {
      return type.isSealed() && type.isInterface();
    }

    @Override
    public @Nullable List<NamedType> findSubtypes(Annotated annotated) {
      if (!isFamily(annotated.getRawType())) {
        return super.findSubtypes(annotated);
      }
      List<NamedType> cases = new ArrayList<>();
      for (Class<?> type : annotated.getRawType().getPermittedSubclasses()) {
        cases.add(new NamedType(type, caseName(type)));
      }
      return cases;
    }

    @Override
    public String[] findEnumValues(
        MapperConfig<?> config, AnnotatedClass type, Enum<?>[] values, String[] names) {
      for (int i = 0; i < values.length; i++) {
        names[i] = values[i].name().toLowerCase(Locale.ROOT).replace('_', '-');
      }
      return names;
    }

    @Override
    public JsonCreator.@Nullable Mode findCreatorAnnotation(
        MapperConfig<?> config, Annotated annotated) {
      if (annotated instanceof AnnotatedMethod method && isParse(method)) {
        return JsonCreator.Mode.DELEGATING;
      }
      return super.findCreatorAnnotation(config, annotated);
    }

    @Override
    public @Nullable Object findSerializer(Annotated annotated) {
      Class<?> type = annotated.getRawType();
      if (annotated instanceof AnnotatedClass && type.isRecord() && parsesItself(type)) {
        return ToStringSerializer.instance;
      }
      return super.findSerializer(annotated);
    }

    /** What has a natural emptiness may be left out; of a record nobody knows the empty one. */
    @Override
    public JsonSetter.Value findSetterInfo(Annotated annotated) {
      Class<?> type = annotated.getRawType();
      return EMPTIABLE.stream().anyMatch(one -> one.isAssignableFrom(type))
          ? JsonSetter.Value.forValueNulls(Nulls.AS_EMPTY, Nulls.FAIL)
          : super.findSetterInfo(annotated);
    }

    private static boolean isParse(AnnotatedMethod method) {
      return method.getName().equals("parse")
          && Modifier.isStatic(method.getModifiers())
          && method.getParameterCount() == 1
          && method.getRawParameterType(0) == String.class
          && method.getDeclaringClass().isRecord();
    }

    private static boolean parsesItself(Class<?> type) {
      try {
        return Modifier.isStatic(type.getMethod("parse", String.class).getModifiers());
      } catch (NoSuchMethodException e) {
        return false;
      }
    }
  }

  private static final class AddressSerializer extends StdScalarSerializer<InetAddress> {
    private static final long serialVersionUID = 1L;

    AddressSerializer() {
      super(InetAddress.class);
    }

    @Override
    public void serialize(InetAddress value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      out.writeString(value.getHostAddress());
    }
  }

  private static final class AddressDeserializer extends StdScalarDeserializer<InetAddress> {
    private static final long serialVersionUID = 1L;

    AddressDeserializer() {
      super(InetAddress.class);
    }

    @Override
    public InetAddress deserialize(JsonParser in, DeserializationContext context)
        throws IOException {
      return CidrAddress.literal(in.getValueAsString("")); // Jackson's own would ask a name server
    }
  }

  private static final class PathDeserializer extends StdScalarDeserializer<Path> {
    private static final long serialVersionUID = 1L;

    PathDeserializer() {
      super(Path.class);
    }

    @Override
    public Path deserialize(JsonParser in, DeserializationContext context) throws IOException {
      return Path.of(in.getValueAsString("")); // Jackson's own would read "a:b" as a URI
    }
  }
}
