package io.n0stack.n0core.api;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_THROW_GENERIC_EXCEPTIONS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;

@AnalyzeClasses(packages = "io.n0stack.n0core.api", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String ROOT = "io.n0stack.n0core.api";

  @ArchTest
  static final ArchRule API_DEPENDS_ON_THE_JDK_AND_JSPECIFY_ONLY = classes()
      .should()
      .onlyDependOnClassesThat()
      .resideInAnyPackage(ROOT + "..", "java..", "org.jspecify..");

  @ArchTest
  static final ArchRule NO_CYCLES = slices().matching(ROOT + ".(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule ERRORS_AND_RULES_KNOW_NO_CONTRACT = noClasses()
      .that()
      .resideInAPackage(ROOT)
      .should()
      .dependOnClassesThat()
      .resideInAPackage(ROOT + ".*..");

  @ArchTest
  static final ArchRule THE_STORE_KNOWS_NO_CONTRACT = noClasses()
      .that()
      .resideInAPackage(ROOT + ".store")
      .should()
      .dependOnClassesThat()
      .resideInAnyPackage(
          ROOT + ".driver",
          ROOT + ".compute",
          ROOT + ".network",
          ROOT + ".storage",
          ROOT + ".node");

  @ArchTest
  static final ArchRule SPECS_DO_NO_IO = noClasses()
      .that()
      .resideOutsideOfPackage(ROOT + ".store")
      .should()
      .dependOnClassesThat()
      .haveFullyQualifiedName("java.nio.file.Files")
      .orShould()
      .dependOnClassesThat()
      .resideInAPackage("java.io..");

  @ArchTest
  static final ArchRule NO_STDOUT = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

  @ArchTest
  static final ArchRule NO_GENERIC_THROWS = NO_CLASSES_SHOULD_THROW_GENERIC_EXCEPTIONS;

  @ArchTest
  static final ArchRule NO_JUL = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;

  @ArchTest
  static void theWholeApiIsLookedAt(JavaClasses api) {
    assertThat(api).hasSizeGreaterThanOrEqualTo(90);
    assertThat(packages(api))
        .contains(
            ROOT,
            ROOT + ".compute",
            ROOT + ".driver",
            ROOT + ".network",
            ROOT + ".node",
            ROOT + ".storage",
            ROOT + ".store");
  }

  @ArchTest
  static void everyPackageIsNullMarked(JavaClasses api) {
    Set<String> marked = api.stream()
        .filter(type -> type.getSimpleName().equals("package-info"))
        .filter(type -> type.isAnnotatedWith(NullMarked.class))
        .map(JavaClass::getPackageName)
        .collect(Collectors.toSet());

    assertThat(marked).isEqualTo(packages(api));
  }

  @ArchTest
  static void specsAreRecordsOrSealedFamiliesOfRecords(JavaClasses api) {
    assertThat(api.stream()
            .filter(type -> type.isAssignableTo("io.n0stack.n0core.api.driver.Spec"))
            .filter(type -> !type.isInterface())
            .toList())
        .hasSizeGreaterThanOrEqualTo(6)
        .allMatch(JavaClass::isRecord)
        .allMatch(type -> type.getFields().stream()
            .allMatch(field -> field.getModifiers().contains(JavaModifier.FINAL)));
  }

  private static Set<String> packages(JavaClasses api) {
    return api.stream()
        .map(JavaClass::getPackageName)
        .filter(name -> !name.isEmpty())
        .collect(Collectors.toSet());
  }
}
