import Allocation
import CLinux
import Glibc

/// Each module's benchmark, in a file of its own: `ModuleBenchmarks [--module NAME]`; `--self-check` prints one number
/// for all results, which no processor may change.
let modules: [(name: String, run: () -> Void)] = [
  ("Softmax", benchmarkSoftmax), ("NumericJSON", benchmarkJSON), ("HTTP", benchmarkHTTP),
  ("SoftmaxService", benchmarkService),
]

// As softmaxd does: memory that was freed is kept for the next request, since new pages cost more than the mathematics.
Allocation.keepMemoryWhileBusy()

let arguments = CommandLine.arguments
if arguments.contains("--self-check") { exit(selfCheck() ? 0 : 1) }
let chosen = arguments.firstIndex(of: "--module").flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
for module in modules where chosen == nil || chosen == module.name { module.run() }
if let chosen, !modules.contains(where: { $0.name == chosen }) {
  print("no benchmark of \(chosen); there are: \(modules.map(\.name).joined(separator: ", "))")
}
