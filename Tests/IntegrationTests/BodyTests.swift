import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Body {
    /// Pieces of one byte, of sizes that split numbers, and of more than one read.
    @Test(arguments: [1, 7, 1_000, 65_537])
    func aChunkedBodyIsTheSameBody(piece: Int) throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        let body = Bodies.logits(piece == 1 ? 100 : 20_000)
        let json = ["Content-Type: application/json"]
        let whole = try client.send(Call(method: "POST", path: "/softmax", fields: json, body: body))
        let chunked = try client.send(Call(method: "POST", path: "/softmax", fields: json, body: body, pieces: piece))
        #expect(whole.status == 200)
        #expect(chunked.status == 200)
        #expect(chunked.opened == 0)
        #expect(chunked.body == whole.body)
      }
      #expect(run.status == 0)
    }

    /// libcurl asks with `Expect: 100-continue` before bodies of this size.
    @Test func eightMegabytesThereAndBackAgain() throws {
      let run = try Daemon.run { daemon in
        let client = Client(daemon)
        let body = Bodies.logits(500_000, paddedTo: 8 << 20, digits: 12)
        for pieces in [nil, 100_000] {
          let call = Call(
            method: "POST", path: "/softmax", fields: ["Content-Type: application/json"], body: body, pieces: pieces)
          let answer = try client.send(call)
          #expect(answer.status == 200)
          #expect(Bodies.count(in: answer) == 500_000)
          #expect(answer.body.count == answer["content-length"].flatMap { Int($0) })
        }
      }
      #expect(run.status == 0)
    }

    /// Numbers of two bytes take twelve times their text while they are read.
    @Test(arguments: [
      ("/softmax", #"{"logits":["#, "]}"),
      (
        "/v2/models/softmax/infer", #"{"inputs":[{"name":"logits","datatype":"FP64","shape":[1200000],"data":["#,
        "]}]}"
      ),
    ]) func aBodyOfMoreNumbersThanMemoryHoldsIsRefusedUnread(path: String, start: String, end: String) throws {
      let run = try Daemon.run(["--max-memory", "33554432"]) { daemon in
        let client = Client(daemon)
        #expect(try client.send(.get("/livez")).status == 200)
        let before = try daemon.peakMemory()
        let body = start + String(repeating: "1,", count: 1_199_999) + "1" + end
        #expect(try client.send(.post(path, body)).status == 413)
        #expect(try daemon.peakMemory() - before < 16 << 20)
        #expect(try client.send(.get("/livez")).status == 200)
      }
      #expect(run.status == 0)
    }

    /// Numbers that the vector stage leaves open, and those of a derivation, take no memory besides their results.
    @Test(arguments: [
      ("/gradient", #","target":0,"outputs":["derivation"]}"#, 90_000, 48),
      ("/softmax", #","outputs":["log_probabilities"],"dtype":"bfloat16"}"#, 400_000, 48),
    ]) func openNumbersKeepToMemory(path: String, end: String, count: Int, most: Int) throws {
      let run = try Daemon.run(["--max-memory", "134217728"]) { daemon in
        let client = Client(daemon)
        #expect(try client.send(.get("/livez")).status == 200)
        let before = try daemon.peakMemory()
        let zeros = String(repeating: ",0.0", count: count - 1)
        #expect(try client.send(.post(path, #"{"logits":[257"# + zeros + "]" + end)).status == 200)
        #expect(try daemon.peakMemory() - before < most << 20)
      }
      #expect(run.status == 0)
    }

    /// The refusal comes before the body is read, and the client must see it rather than a reset.
    @Test func aBodyPastTheLimitIsRefusedAndTheRefusalArrives() throws {
      let run = try Daemon.run(["--max-body", "1000000"]) { daemon in
        let body = Bodies.logits(500_000)
        for fields in [["Content-Type: application/json"], ["Content-Type: application/json", "Expect:"]] {
          let answer = try Client(daemon).send(Call(method: "POST", path: "/softmax", fields: fields, body: body))
          #expect(answer.status == 413)
          #expect(answer["content-type"] == "application/problem+json")
          #expect(answer["connection"] == "close")
        }
        let chunked = Call(
          method: "POST", path: "/softmax", fields: ["Content-Type: application/json"], body: body, pieces: 50_000)
        #expect(try Client(daemon).send(chunked).status == 413)
      }
      #expect(run.status == 0)
    }

    @Test func livezAnswersAtOnceWhileSixtyFourMebibytesAreComputed() throws {
      let run = try Daemon.run { daemon in
        let crowd = Crowd(1, of: daemon)
        // Connections are handed out in turn, so that of two loops each is asked, also the one that took the body.
        let probes = [Client(daemon), Client(daemon)]
        var answered = 0
        let body = Bodies.logits(3_000_000, paddedTo: 64 << 20, digits: 17)
        let call = Call(method: "POST", path: "/softmax", fields: ["Content-Type: application/json"], body: body)
        let results = crowd.send([call]) { clients in
          guard clients[0].hasSentBody else { return }
          for probe in probes where (try? probe.send(.get("/livez")).status) == 200 { answered += 1 }
        }
        let large = try results[0].get()
        #expect(large.status == 200)
        #expect(Bodies.count(in: large) == 3_000_000)
        // A server that computes on its loop answers that loop's probe once, when the body's answer is out.
        #expect(answered > 1)
      }
      #expect(run.status == 0)
    }

    /// A check is computed beside the loop, and its deadline ends it.
    @Test(arguments: [(timeout: "60", status: 200), (timeout: "0.05", status: 503)])
    func healthzAnswersWhileALargeCheckIsComputed(timeout: String, status: Int) throws {
      let run = try Daemon.run(["--loops", "1", "--request-timeout", timeout]) { daemon in
        let crowd = Crowd(1, of: daemon)
        let probe = Client(daemon)
        var answered = 0
        let call = Call(
          method: "POST", path: "/check", fields: ["Content-Type: application/json"], body: Bodies.check(1_000_000))
        let results = crowd.send([call]) { clients in
          if clients[0].hasSentBody, (try? probe.send(.get("/healthz")).status) == 200 { answered += 1 }
        }
        let large = try results[0].get()
        #expect(large.status == status)
        // A server that computes on its loop answers the probe once, when the check's answer is out.
        if status == 200 { #expect(answered > 1) }
      }
      #expect(run.status == 0)
    }
  }
}
