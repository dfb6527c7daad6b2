import HTTP
import Testing

@testable import HTTPServer

@Suite struct ConnectionTableTests {
  private func connection(_ token: Token) throws -> Connection {
    let moment = Moment(instant: Instant(nanoseconds: 1), date: HTTPDate(unixSeconds: 0))
    return try Socket.pair { here, _ in
      Connection(
        socket: here, state: ConnectionState(limits: SharedLimits(HTTPLimits()), at: moment), token: token,
        isReserve: false)
    }
  }

  @Test func anEventForAnEarlierConnectionFindsNobody() throws {
    let table = ConnectionTable()
    let first = table.nextToken()
    table.insert(try connection(first))
    #expect(table[first] != nil)
    table.remove(first)
    #expect(table[first] == nil)
    let second = table.nextToken()
    table.insert(try connection(second))
    #expect(second.slot == first.slot)
    #expect(table[first] == nil)
    #expect(table[second] != nil)
    #expect(table.count == 1)
  }

  @Test func removingTwiceCountsOnce() throws {
    let table = ConnectionTable()
    let token = table.nextToken()
    table.insert(try connection(token))
    table.remove(token)
    table.remove(token)
    #expect(table.count == 0)
    #expect(table.nextToken().slot != table.nextToken().slot)
  }

  @Test func aTokenComesBackFromEpollAsItWas() {
    for token in [Token(slot: 0, generation: 0), Token(slot: 12_345, generation: .max - 1)] {
      #expect(Token(rawValue: token.rawValue) == token)
    }
  }
}
