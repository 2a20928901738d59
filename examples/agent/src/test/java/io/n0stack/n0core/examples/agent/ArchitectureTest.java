package io.n0stack.n0core.examples.agent;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.util.List;

/** The dependency lines between the modules; it lives here because this module sees them all. */
@AnalyzeClasses(packages = "io.n0stack.n0core", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String ROOT = "io.n0stack.n0core.";

  @ArchTest
  static void nothingIsMissingFromTheImport(JavaClasses classes) {
    for (String module :
        new String[] {"api", "agent", "net", "kvm", "storage", "membership", "tck", "examples"}) {
      assertThat(classes.stream()
              .filter(type -> type.getPackageName().startsWith(ROOT + module))
              .count())
          .as("classes of " + module)
          .isGreaterThan(3);
    }
  }

  @ArchTest
  static void kvmAndMembershipHideSeveralPackages(JavaClasses classes) {
    for (String module : List.of("kvm", "membership")) {
      assertThat(classes.stream()
              .map(JavaClass::getPackageName)
              .filter(name -> name.startsWith(ROOT + module + ".internal."))
              .distinct())
          .as("hidden packages of " + module)
          .hasSizeGreaterThan(5);
    }
  }

  @ArchTest
  static final ArchRule MODULES_DEPEND_ON_THE_CONTRACTS_AND_NOT_ON_EACH_OTHER =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("io.n0stack.n0core..")
          .layer("api")
          .definedBy(ROOT + "api..")
          .layer("agent")
          .definedBy(ROOT + "agent..")
          .layer("tck")
          .definedBy(ROOT + "tck..")
          .layer("net")
          .definedBy(ROOT + "net..")
          .layer("kvm")
          .definedBy(ROOT + "kvm..")
          .layer("storage")
          .definedBy(ROOT + "storage..")
          .layer("membership")
          .definedBy(ROOT + "membership..")
          .layer("examples")
          .definedBy(ROOT + "examples..")
          .whereLayer("api")
          .mayNotAccessAnyLayer()
          .whereLayer("agent")
          .mayOnlyAccessLayers("api")
          .whereLayer("tck")
          .mayOnlyAccessLayers("api", "agent")
          .whereLayer("net")
          .mayOnlyAccessLayers("api")
          .whereLayer("kvm")
          .mayOnlyAccessLayers("api")
          .whereLayer("storage")
          .mayOnlyAccessLayers("api")
          .whereLayer("membership")
          .mayOnlyAccessLayers("api")
          .whereLayer("examples")
          .mayNotBeAccessedByAnyLayer();

  @ArchTest
  static void internalsStayWithinTheirModule(JavaClasses classes) {
    for (String module : List.of("net", "kvm", "storage", "membership")) {
      ArchRuleDefinition.noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + module + "..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(ROOT + module + "..internal..")
          .check(classes);
    }
  }

  @ArchTest
  static final ArchRule MODULES_HAVE_NO_CYCLES =
      SlicesRuleDefinition.slices().matching(ROOT + "(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule WHAT_KVM_HIDES_HAS_NO_CYCLES = SlicesRuleDefinition.slices()
      .matching(ROOT + "kvm.internal.(*)..")
      .should()
      .beFreeOfCycles();

  @ArchTest
  static final ArchRule WHAT_MEMBERSHIP_HIDES_HAS_NO_CYCLES = SlicesRuleDefinition.slices()
      .matching(ROOT + "membership.internal.(*)..")
      .should()
      .beFreeOfCycles();

  @ArchTest
  static final ArchRule WHAT_MEMBERSHIP_HIDES_KNOWS_VALUES_OF_ITS_API_ALONE =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAPackage(ROOT + "membership.internal..")
          .should()
          .dependOnClassesThat(JavaClass.Predicates.resideInAPackage(ROOT + "membership")
              .and(DescribedPredicate.not(DescribedPredicate.describe(
                  "are values",
                  type -> type.isRecord()
                      || type.getName().startsWith(ROOT + "membership.Transport")))));

  @ArchTest
  static final ArchRule NO_JUL = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
}
