// swift-tools-version: 6.3
import PackageDescription

/// The vector kernels, written once in Kernels, compiled again for a later x86-64 level. clang's -Xarch_x86_64 asks for the
/// architecture that is built for; `#if arch` in this file would ask for the machine that builds. Elsewhere (arm64) these
/// modules are empty, since the one build of Kernels already is the best.
func kernels(_ name: String, level: String) -> Target {
  .target(
    name: name, dependencies: ["Kernels"],
    swiftSettings: [.unsafeFlags(["-Xcc", "-Qunused-arguments", "-Xcc", "-Xarch_x86_64", "-Xcc", "-march=\(level)"])])
}

/// The files that the program carries within itself: the contract, and the parts of the page for browsers.
let embedded: [Resource] =
  [.embedInCode("../../openapi.yaml"), .embedInCode("../../openapi.json")]
  + [
    "page.html", "page.css", "elements.js", "state.js", "service.js", "instrument.js", "derivation.js", "charts.js",
    "programs.js", "main.js",
  ].map { .embedInCode("Page/\($0)") }

let package = Package(
  name: "softmaxd",
  products: [
    .executable(name: "softmaxd", targets: ["softmaxd"])
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    .target(name: "Kernels"),
    kernels("KernelsV3", level: "x86-64-v3"),
    kernels("KernelsV4", level: "x86-64-v4"),
    .target(name: "KernelDispatch", dependencies: ["Kernels", "KernelsV3", "KernelsV4"]),
    .target(name: "SoftmaxCore", dependencies: ["Kernels", "KernelDispatch"]),
    .target(name: "NumericJSON", dependencies: ["Kernels", "KernelDispatch"]),
    .target(name: "HTTPCore"),
    .target(name: "HTTPTransport", dependencies: ["HTTPCore", "CLinux"]),
    .target(name: "EmbeddedResources", resources: embedded),
    .target(
      name: "SoftmaxAPI", dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "EmbeddedResources", "Kernels"]),
    .executableTarget(
      name: "softmaxd", dependencies: ["SoftmaxAPI", "HTTPTransport", "HTTPCore", "Kernels", "CLinux"]),
    .executableTarget(
      name: "RoomBenchmarks",
      dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "SoftmaxAPI", "Kernels", "CLinux"],
      path: "Benchmarks/RoomBenchmarks"),

    .systemLibrary(name: "CCurl", path: "Tests/CCurl"),
    .target(name: "TestSupport", dependencies: ["Kernels", "CLinux"], path: "Tests/TestSupport"),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"]),
    .testTarget(
      name: "SoftmaxCoreTests", dependencies: ["SoftmaxCore", "Kernels", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(name: "NumericJSONTests", dependencies: ["NumericJSON", "Kernels", "TestSupport"]),
    .testTarget(name: "HTTPCoreTests", dependencies: ["HTTPCore", "TestSupport"]),
    .testTarget(name: "HTTPTransportTests", dependencies: ["HTTPTransport", "HTTPCore", "CLinux", "TestSupport"]),
    .testTarget(
      name: "SoftmaxAPITests", dependencies: ["SoftmaxAPI", "SoftmaxCore", "HTTPCore", "NumericJSON", "Kernels"]),
    .testTarget(
      name: "softmaxdTests", dependencies: ["softmaxd", "SoftmaxAPI", "HTTPTransport", "HTTPCore", "TestSupport"]),
    .testTarget(name: "IntegrationTests", dependencies: ["CCurl", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

/// Swift 6 mode, strict memory safety, and imports that say what they mean.
let language: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

for target in package.targets where target.type != .system {
  target.swiftSettings = language + (target.swiftSettings ?? [])
}
