// swift-tools-version: 6.3
import PackageDescription

/// The vector kernels, written once in VectorKernels, compiled again for a later x86-64 level. clang's -Xarch_x86_64
/// asks for the architecture that is built for; `#if arch` in this file would ask for the machine that builds.
/// Elsewhere (arm64) these modules are empty, since the one build of VectorKernels already is the best.
func kernels(_ name: String, level: String) -> Target {
  .target(
    name: name, dependencies: ["VectorKernels"],
    swiftSettings: [.unsafeFlags(["-Xcc", "-Qunused-arguments", "-Xcc", "-Xarch_x86_64", "-Xcc", "-march=\(level)"])])
}

let package = Package(
  name: "softmaxd",
  products: [
    .executable(name: "softmaxd", targets: ["softmaxd"])
  ],
  targets: [
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CVector"),
    .target(name: "Allocation", dependencies: ["CLinux"]),
    .target(name: "VectorKernels", dependencies: ["CVector"]),
    kernels("VectorKernelsV3", level: "x86-64-v3"),
    kernels("VectorKernelsV4", level: "x86-64-v4"),
    .target(name: "KernelDispatch", dependencies: ["VectorKernels", "VectorKernelsV3", "VectorKernelsV4"]),
    .target(name: "Softmax", dependencies: ["VectorKernels", "Allocation"]),
    .target(name: "NumericJSON", dependencies: ["VectorKernels", "Allocation"]),
    .target(name: "HTTP", dependencies: ["Allocation"]),
    .target(name: "HTTPServer", dependencies: ["HTTP", "CLinux"]),
    // Valgrind 3.19 stops at clang's DWARF 5.
    .target(name: "EmbeddedFiles", exclude: ["Page"], cSettings: [.unsafeFlags(["-gdwarf-4"])]),
    .target(
      name: "SoftmaxService", dependencies: ["Softmax", "NumericJSON", "HTTP", "EmbeddedFiles", "VectorKernels"]),
    .executableTarget(
      name: "softmaxd",
      dependencies: [
        "SoftmaxService", "HTTPServer", "HTTP", "VectorKernels", "KernelDispatch", "Allocation", "CLinux",
      ]),
    .executableTarget(
      name: "ModuleBenchmarks",
      dependencies: [
        "Softmax", "NumericJSON", "HTTP", "SoftmaxService", "VectorKernels", "KernelDispatch", "Allocation", "CLinux",
      ],
      path: "Benchmarks/ModuleBenchmarks"),

    .systemLibrary(name: "CCurl", path: "Tests/CCurl"),
    .target(
      name: "TestSupport", dependencies: ["VectorKernels", "KernelDispatch", "CLinux"], path: "Tests/TestSupport"),
    .testTarget(name: "VectorKernelsTests", dependencies: ["VectorKernels", "KernelDispatch", "TestSupport"]),
    .testTarget(
      name: "SoftmaxTests", dependencies: ["Softmax", "VectorKernels", "TestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "NumericJSONTests", dependencies: ["NumericJSON", "VectorKernels", "TestSupport"]),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Allocation", "TestSupport"]),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "HTTP", "CLinux", "TestSupport"]),
    .testTarget(
      name: "SoftmaxServiceTests",
      dependencies: ["SoftmaxService", "Softmax", "HTTP", "NumericJSON", "VectorKernels", "TestSupport"]),
    .testTarget(name: "softmaxdTests", dependencies: ["softmaxd", "SoftmaxService", "HTTPServer", "HTTP"]),
    .testTarget(name: "IntegrationTests", dependencies: ["CCurl", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
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
