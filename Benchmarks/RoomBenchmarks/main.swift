import CLinux
import Glibc

/// Each room's benchmark, in a file of its own: `RoomBenchmarks [--room NAME]`; `--self-check` is for scripts/check.
let rooms: [(name: String, run: () -> Void)] = [
  ("core", benchmarkCore), ("json", benchmarkJSON), ("http", benchmarkHTTP), ("api", benchmarkAPI),
]

// As softmaxd does: memory that was freed is kept for the next request, since new pages cost more than the mathematics.
_ = mallopt(M_MMAP_THRESHOLD, 8 << 20)
_ = mallopt(M_TRIM_THRESHOLD, 256 << 20)
_ = mallopt(M_ARENA_MAX, 1)

let arguments = CommandLine.arguments
if arguments.contains("--self-check") { exit(selfCheck() ? 0 : 1) }
let chosen = arguments.firstIndex(of: "--room").flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
for room in rooms where chosen == nil || chosen == room.name { room.run() }
if let chosen, !rooms.contains(where: { $0.name == chosen }) {
  print("no room \(chosen); there are: \(rooms.map(\.name).joined(separator: ", "))")
}
