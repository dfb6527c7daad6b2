// swift-tools-version: 6.2
import PackageDescription

/// The scripts ask for it: with them every warning is an error; a newer compiler's new warnings stop nobody else.
let strict: [SwiftSetting] = Context.environment["SOFTMAXD_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// What every Swift target is compiled with: Swift 6 mode, strict memory safety, and imports that say what they mean.
let settings: [SwiftSetting] =
  strict + [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
  ]

/// The vector kernels are written once, in Kernels, and compiled again for each x86-64 level that is worth having.
/// Elsewhere (arm64) the one build of Kernels already is the NEON one.
#if arch(x86_64)
  let kernelLevels: [Target] = [
    .target(
      name: "KernelsV3", dependencies: ["Kernels"],
      swiftSettings: settings + [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]),
    .target(
      name: "KernelsV4", dependencies: ["Kernels"],
      swiftSettings: settings + [.unsafeFlags(["-Xcc", "-march=x86-64-v4"])]),
  ]
  let kernels: [Target.Dependency] = ["Kernels", "KernelsV3", "KernelsV4"]
#else
  let kernelLevels: [Target] = []
  let kernels: [Target.Dependency] = ["Kernels"]
#endif

let package = Package(
  name: "softmaxd",
  products: [
    .executable(name: "softmaxd", targets: ["softmaxd"])
  ],
  targets: kernelLevels + [
    .systemLibrary(name: "CLinux"),
    .target(name: "Kernels", swiftSettings: settings),
    .target(name: "SoftmaxCore", dependencies: kernels, swiftSettings: settings),
    .target(name: "NumericJSON", dependencies: kernels, swiftSettings: settings),
    .target(name: "HTTPCore", swiftSettings: settings),
    .target(name: "HTTPTransport", dependencies: ["HTTPCore", "CLinux"], swiftSettings: settings),
    .target(
      name: "OpenAPIDocument", resources: [.embedInCode("../../openapi.yaml")], swiftSettings: settings),
    .target(
      name: "SoftmaxAPI", dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "OpenAPIDocument", "Kernels"],
      swiftSettings: settings),
    .executableTarget(
      name: "softmaxd", dependencies: ["SoftmaxAPI", "HTTPTransport", "HTTPCore", "SoftmaxCore", "Kernels", "CLinux"],
      swiftSettings: settings),
    .executableTarget(
      name: "RoomBenchmarks",
      dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "SoftmaxAPI", "Kernels", "CLinux"],
      path: "Benchmarks/RoomBenchmarks", swiftSettings: settings),

    .systemLibrary(name: "CCurl", path: "Tests/CCurl"),
    .testTarget(
      name: "SoftmaxCoreTests", dependencies: ["SoftmaxCore", "Kernels", "CLinux"], exclude: ["Fixtures"],
      swiftSettings: settings),
    .testTarget(
      name: "NumericJSONTests", dependencies: ["NumericJSON", "Kernels", "CLinux"], swiftSettings: settings),
    .testTarget(name: "HTTPCoreTests", dependencies: ["HTTPCore"], swiftSettings: settings),
    .testTarget(
      name: "HTTPTransportTests", dependencies: ["HTTPTransport", "HTTPCore", "CLinux"], swiftSettings: settings),
    .testTarget(
      name: "SoftmaxAPITests", dependencies: ["SoftmaxAPI", "SoftmaxCore", "HTTPCore", "NumericJSON", "Kernels"],
      swiftSettings: settings),
    .testTarget(
      name: "softmaxdTests", dependencies: ["softmaxd", "SoftmaxAPI", "HTTPTransport", "HTTPCore"],
      swiftSettings: settings),
    .testTarget(name: "IntegrationTests", dependencies: ["CCurl"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
