/// Each room's benchmark, in a file of its own: `RoomBenchmarks [--room NAME]`.
let rooms: [(name: String, run: () -> Void)] = [
  ("json", benchmarkJSON), ("http", benchmarkHTTP), ("api", benchmarkAPI),
]

let arguments = CommandLine.arguments
let chosen = arguments.firstIndex(of: "--room").flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
for room in rooms where chosen == nil || chosen == room.name { room.run() }
if let chosen, !rooms.contains(where: { $0.name == chosen }) {
  print("no room \(chosen); there are: \(rooms.map(\.name).joined(separator: ", "))")
}
