import Foundation
import HTTP
import HTTPServer
import Testing

@testable import softmaxd

@Suite struct MemoryPlanTests {
  @Test("Everything follows from one figure, and fits into it", arguments: [32, 64, 256, 2048, 1 << 20], [1, 2, 64])
  func boundsFollowFromOneFigure(mebibytes: Int, loops: Int) {
    let total = mebibytes << 20
    let plan = MemoryPlan(total: total, loops: loops)
    #expect(plan.shared >= 8 << 20)
    #expect(plan.shared + (16 << 20) + loops << 20 <= total || total < MemoryPlan.least(loops: loops))
    #expect(plan.largestBody * 4 <= plan.shared && plan.largestBody >= 2 << 20)
    #expect(plan.connections * ServerConfiguration.bytesPerConnection * 4 <= plan.shared && plan.connections >= 256)
  }

  @Test("As many loops as fit into it beside the least that can serve", arguments: [1, 4, 5, 64, 1024])
  func loopsFitIntoIt(loops: Int) {
    let least = MemoryPlan.least(loops: loops)
    #expect(least >= 32 << 20 && MemoryPlan.loops(atMost: loops, total: least) == loops)
    #expect(MemoryPlan.loops(atMost: 1024, total: 32 << 20) == 4 && MemoryPlan.loops(atMost: 8, total: 0) == 1)
  }

  @Test func aSmallFigureBoundsBodiesAndConnections() {
    var settings = Settings()
    settings.loops = 2
    settings.maxMemory = 64 << 20
    let configuration = Program.configuration(settings)
    let plan = MemoryPlan(total: 64 << 20, loops: 2)
    #expect(configuration.limits.bodyBytes == plan.largestBody && plan.largestBody < 64 << 20)
    #expect(configuration.connections <= plan.connections)
    settings.server.limits.bodyBytes = 1000
    #expect(Program.configuration(settings).limits.bodyBytes == 1000)
  }

  @Test(
    "Both versions of control groups, and the groups around",
    arguments: [
      ("0::/\n", ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]),
      (
        "0::/a/b\n",
        [
          "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/a/memory.max", "/sys/fs/cgroup/a/b/memory.max",
          "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ]
      ),
      (
        "5:memory:/c\n4:cpu:/d\n0::/\n",
        [
          "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
          "/sys/fs/cgroup/memory/c/memory.limit_in_bytes",
        ]
      ),
    ])
  func filesOfGroups(text: String, files: [String]) { #expect(MemoryLimit.files(ofGroups: text) == files) }

  @Test(
    "A limit is a number of bytes; \"max\" and version 1's greatest number are none",
    arguments: [
      ("268435456\n", 268_435_456), ("max\n", nil), ("9223372036854771712\n", nil), ("", nil), ("0\n", nil),
    ] as [(String, Int?)])
  func bytesOfLimits(text: String, bytes: Int?) { #expect(MemoryLimit.bytes(text) == bytes) }

  @Test("This process may use some memory, and no more than the machine has")
  func thisMachineHasSomeMemory() {
    let machine = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
    let available = MemoryLimit.available(loops: 1).bytes
    #expect(available > 0 && available <= machine)
  }
}

@Suite struct ThreadLimitTests {
  @Test(
    "Below the most threads that a server may need, fewer requests let others go first", arguments: [1, 2, 64, 200])
  func fewerThreads(loops: Int) {
    let (fewest, most) = (
      ServerConfiguration.fewestThreads(loops: loops), ServerConfiguration.mostThreads(loops: loops)
    )
    var configuration = ServerConfiguration(addresses: [])
    configuration.setLoops(loops)
    for (threads, passed) in [(fewest, 0), (fewest + 5, 5), (most - 1, 31), (most, 32), (.max, 32)] {
      configuration.limitThreads(to: threads)
      #expect(configuration.mostYielded == passed)
    }
    #expect(ServerConfiguration.loops(atMost: loops, threads: fewest) == loops)
    #expect(ServerConfiguration.loops(atMost: loops, threads: fewest - 1) == max(1, loops - 1))
    #expect(ServerConfiguration.loops(atMost: loops, threads: .max) == loops)
    #expect(ServerConfiguration.loops(atMost: loops, threads: 0) == 1)
  }
}

@Suite struct ControlGroupsTests {
  @Test(
    arguments: [
      ("max 100000\n", nil), ("150000 100000\n", 2), ("100000 100000", 1), ("50000 100000", 1), ("-1 100000", nil),
      ("", nil), ("x y", nil), ("400000 100000", 4),
    ] as [(String, Int?)])
  func quotasAreRoundedUp(text: String, processors: Int?) {
    #expect(CPUQuota.rounded(text) == processors)
  }

  @Test(arguments: [
    ("", ["/sys/fs/cgroup"]), ("0::/\n", ["/sys/fs/cgroup"]),
    (
      "1:name=systemd:/x\n0::/system.slice/softmaxd.service\n",
      ["/sys/fs/cgroup", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/system.slice/softmaxd.service"]
    ),
  ])
  func aGroupsQuotaIsInItsFolderAndThoseAround(_ groups: String, _ folders: [String]) {
    #expect(ControlGroups.folders(ofGroups: groups) == folders)
  }

  @Test func aControllersGroupsOfVersion1() {
    let folders = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids/a/b"]
    #expect(ControlGroups.folders(ofGroups: "8:pids:/a/b\n0::/x\n", controller: "pids") == folders)
  }
}

@Suite struct DescriptorsTests {
  /// A listener has a socket, and a spare descriptor. A limit that leaves no connection is too low to start with.
  @Test(arguments: [
    (1024, 2, 1, 956), (1024, 64, 1, 832), (20_000, 16, 1, 19_904), (69, 2, 1, 1), (68, 2, 1, 0), (16, 2, 1, -52),
    (1024, 2, 40, 878),
  ])
  func connectionCapLeavesRoomForTheRest(limit: Int, loops: Int, addresses: Int, cap: Int) {
    #expect(Descriptors.connectionCap(limit: limit, loops: loops, addresses: addresses, beyondCap: 32) == cap)
  }
}

@Suite struct HealthCheckTests {
  private final class Handler: RequestHandler {
    func route(_ head: RequestHead) -> Routing { .accept(.unmatched) }

    func respond(to request: consuming Request, in context: RequestContext) -> Response { Response(.ok) }
  }

  @Test func hearsTheFirstLine() throws {
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = Server(
      ServerStatus(ServerConfiguration(addresses: [address])), handler: Handler(),
      observer: Telemetry(loops: 1, log: .off))
    let open = try #require(try server.start().first)
    defer { server.stop {} }
    #expect(try HealthCheck.statusLine(of: "/livez", at: open, seconds: 5) == "HTTP/1.1 200 OK")
  }

  /// Accepts one connection, and hands it to `answer` on a thread of its own; returns where.
  private func stranger(_ answer: @escaping @Sendable (_ peer: CInt) -> Void) throws -> SocketAddress {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in(
      sin_family: sa_family_t(AF_INET), sin_port: 0, sin_addr: in_addr(s_addr: 0x0100_007F),
      sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    try #require(
      unsafe withUnsafeMutablePointer(to: &name) { pointer in
        unsafe UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          unsafe bind(listener, pointer, size) == 0 && listen(listener, 1) == 0
            && getsockname(listener, pointer, &size) == 0
        }
      })
    Thread {
      let peer = accept(listener, nil, nil)
      answer(peer)
      close(peer)
      close(listener)
    }.start()
    return try #require(SocketAddress(host: "127.0.0.1", port: UInt16(bigEndian: name.sin_port)))
  }

  /// Bytes that trickle in win no time.
  @Test func aTrickleEndsToo() throws {
    let address = try stranger { peer in
      for _ in 0..<50 where unsafe send(peer, "H", 1, CInt(MSG_NOSIGNAL)) == 1 { usleep(100_000) }
    }
    let began = ContinuousClock.now
    #expect(throws: SystemError.self) { try HealthCheck.statusLine(of: "/livez", at: address, seconds: 1) }
    #expect(began.duration(to: .now) < .seconds(3))
  }

  @Test(
    "Of what a stranger says no more is shown than a line of visible ASCII",
    arguments: [
      (String(repeating: "x", count: 100_000), String(repeating: "x", count: 80)),
      ("\u{1B}[31mSSH-2.0\u{7}é\r\nmore", "?[31mSSH-2.0???"), ("a\tb\nc", "a?b"), ("", ""),
    ])
  func strangersAreCutShort(said: String, shown: String) throws {
    let address = try stranger { peer in
      _ = unsafe send(peer, said, said.utf8.count, CInt(MSG_NOSIGNAL))
      _ = shutdown(peer, CInt(SHUT_WR))
      // The request is taken, so that the end of the connection is no reset.
      var request = [UInt8](repeating: 0, count: 4096)
      while unsafe request.withUnsafeMutableBytes({ unsafe recv(peer, $0.baseAddress, $0.count, 0) }) > 0 {}
    }
    #expect(try HealthCheck.statusLine(of: "/livez", at: address, seconds: 5) == shown)
  }

  @Test func nobodyIsAnError() throws {
    let nobody = try #require(SocketAddress(host: "127.0.0.1", port: 1))
    #expect(throws: SystemError.self) { try HealthCheck.statusLine(of: "/livez", at: nobody, seconds: 1) }
  }
}

@Suite struct StandardStreamsTests {
  @Test func aDeviceThatIsFullIsAnError() {
    let full = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
    defer { close(full) }
    #expect(StandardStreams.write("x", to: full)?.code == ENOSPC)
    #expect(StandardStreams.write("", to: full) == nil)
  }

  /// Another process that shares standard error may have set O_NONBLOCK for all: a full pipe then is no reason to lose
  /// lines.
  @Test func aNonBlockingPipeTakesEveryLine() throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    defer { close(reader) }
    try #require(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
    let text = (0..<30_000).map { "line \($0)\n" }.joined()
    Thread {
      StandardStreams.write(text, to: writer)
      close(writer)
    }.start()
    // The pipe is full before its first byte is read.
    usleep(100_000)
    var received: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe part.withUnsafeMutableBytes { unsafe read(reader, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      received += part.prefix(count)
    }
    #expect(String(decoding: received, as: UTF8.self) == text)
  }
}
