// swift-tools-version: 6.2
import PackageDescription

/// The vector kernels are written once, in Kernels, and compiled again for each x86-64 level that is worth having.
/// Elsewhere (arm64) the one build of Kernels already is the NEON one.
#if arch(x86_64)
  let kernelLevels: [Target] = [
    .target(
      name: "KernelsV3", dependencies: ["Kernels"],
      swiftSettings: [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]),
    .target(
      name: "KernelsV4", dependencies: ["Kernels"],
      swiftSettings: [.unsafeFlags(["-Xcc", "-march=x86-64-v4"])]),
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
    .target(name: "Kernels"),
    .target(name: "SoftmaxCore", dependencies: kernels),
    .target(name: "NumericJSON", dependencies: kernels),
    .target(name: "HTTPCore"),
    .target(name: "HTTPTransport", dependencies: ["HTTPCore", "CLinux"]),
    .target(name: "OpenAPIDocument", resources: [.embedInCode("../../openapi.yaml")]),
    .target(
      name: "SoftmaxAPI", dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "OpenAPIDocument", "Kernels"]),
    .executableTarget(
      name: "softmaxd", dependencies: ["SoftmaxAPI", "HTTPTransport", "HTTPCore", "Kernels", "CLinux"]),
    .executableTarget(
      name: "RoomBenchmarks",
      dependencies: ["SoftmaxCore", "NumericJSON", "HTTPCore", "SoftmaxAPI", "Kernels", "CLinux"],
      path: "Benchmarks/RoomBenchmarks"),

    .systemLibrary(name: "CCurl", path: "Tests/CCurl"),
    .testTarget(name: "SoftmaxCoreTests", dependencies: ["SoftmaxCore", "Kernels", "CLinux"], exclude: ["Fixtures"]),
    .testTarget(name: "NumericJSONTests", dependencies: ["NumericJSON", "Kernels", "CLinux"]),
    .testTarget(name: "HTTPCoreTests", dependencies: ["HTTPCore"]),
    .testTarget(name: "HTTPTransportTests", dependencies: ["HTTPTransport", "HTTPCore", "CLinux"]),
    .testTarget(
      name: "SoftmaxAPITests", dependencies: ["SoftmaxAPI", "SoftmaxCore", "HTTPCore", "NumericJSON", "Kernels"]),
    .testTarget(name: "softmaxdTests", dependencies: ["softmaxd", "SoftmaxAPI", "HTTPTransport", "HTTPCore"]),
    .testTarget(name: "IntegrationTests", dependencies: ["CCurl"]),
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

/// A release is optimised across all modules when it is linked, and by a profile that says how often each piece of code runs;
/// what runs often is inlined and lies together. With both a small request runs a fifth fewer instructions, and needs a third
/// less of the instruction cache. scripts/profile makes the profile, with a build that counts, and names it here. The kernels
/// do without it: it would know only those of the processor that it was made on.
let release = BuildSettingCondition.when(configuration: .release)
let profile = "\(Context.packageDirectory)/softmaxd-a5a9ab3d.profdata"
let counts = Context.environment["SOFTMAXD_COUNTS"] != nil
let acrossModules = SwiftSetting.unsafeFlags(["-Xfrontend", "-emit-bc", "-Xfrontend", "-lto=llvm-full"], release)
// Functions that only their file knows are named by it without its folder, which differs from machine to machine.
let byProfile = SwiftSetting.unsafeFlags(
  ["-Xllvm", "-static-func-full-module-prefix=false"]
    + (counts
      ? ["-Xfrontend", "-ir-profile-generate", "-Xllvm", "-runtime-counter-relocation", "-Xllvm", "-disable-vp"]
      : ["-Xfrontend", "-ir-profile-use=\(profile)"]),
  release)
// The linker must be told, as the compiler knows by itself, that no frame of an async function is marked in its saved frame
// pointer: on Linux an unwinder takes the mark for a part of the address.
let linked = LinkerSetting.unsafeFlags(
  ["-use-ld=lld", "-Xlinker", "-mllvm", "-Xlinker", "-swift-async-fp=never"]
    + (counts ? ["-Xclang-linker", "-fprofile-generate"] : []), release)

/// Tests ask for none of that, which takes a minute and a half to link; for them every warning is an error instead. A newer
/// compiler's new warnings stop nobody else.
let tested = Context.environment["SOFTMAXD_STRICT"] != nil

for target in package.targets where target.type != .system {
  let own = target.swiftSettings ?? []
  if tested {
    target.swiftSettings = language + own + [.treatAllWarnings(as: .error)]
  } else {
    let isKernel = target.name.hasPrefix("Kernels")
    target.swiftSettings = language + own + (isKernel ? [acrossModules] : [acrossModules, byProfile])
    target.linkerSettings = [linked]
  }
}
