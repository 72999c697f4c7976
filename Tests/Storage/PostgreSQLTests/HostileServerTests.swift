import Foundation
import PostgreSQL
import Testing
import Time

/// Peers that are no PostgreSQL server, or a broken one.
@Suite struct HostileServerTests {
  /// The answer to a start: authentication, parameters, ready for a query.
  private static let welcome: [UInt8] =
    message("R", [0, 0, 0, 0]) + message("S", Array("server_version\u{0}15.0\u{0}".utf8))
    + message("S", Array("in_hot_standby\u{0}off\u{0}".utf8))
    + message("S", Array("default_transaction_read_only\u{0}off\u{0}".utf8))
    + message("K", [0, 0, 0, 1, 0, 0, 0, 2])
    + message("Z", [UInt8(ascii: "I")])

  private static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
    let length = UInt32(body.count + 4)
    return [type.asciiValue ?? 0] + withUnsafeBytes(of: length.bigEndian) { Array($0) } + body
  }

  /// Answers one request after the start with `bytes`, then closes.
  private static func server(answering bytes: [UInt8], closes: Bool = true) throws -> FakeServer {
    try FakeServer { connection in
      var buffer = [UInt8](repeating: 0, count: 4096)
      // libpq may request GSSAPI or TLS first: a request of 8 bytes, answered with N.
      var count = recv(connection, &buffer, buffer.count, 0)
      while count == 8 {
        FakeServer.send([UInt8(ascii: "N")], to: connection)
        count = recv(connection, &buffer, buffer.count, 0)
      }
      FakeServer.send(welcome, to: connection)
      guard recv(connection, &buffer, buffer.count, 0) > 0 else { return }
      FakeServer.send(bytes, to: connection)
      if closes { shutdown(connection, Int32(SHUT_RDWR)) }
    }
  }

  private static func runAgainst(_ server: FakeServer, within limit: Duration = .seconds(10))
    -> PostgreSQLError?
  {
    do throws(PostgreSQLError) {
      let target = try ConnectionTarget(url: "postgresql://u:secret@127.0.0.1:\(server.port)/d")
      let connection = try Connection(to: target, named: "test", deadline: MonotonicClock.now + limit)
      var pipeline = Pipeline()
      pipeline.add(Query("SELECT $1::bigint"), [.integer(1)])
      pipeline.add(Query("COMMIT"))
      let results = try connection.run(pipeline, deadline: MonotonicClock.now + limit)
      for rows in results {
        for column in 0..<4 as Range<Int32> {
          _ = (rows.integer(0, column), rows.text(0, column), rows.integers(0, column), rows.texts(0, column))
        }
      }
      return nil
    } catch {
      return error
    }
  }

  @Test func `a server that closes at once`() throws {
    let server = try FakeServer { shutdown($0, Int32(SHUT_RDWR)) }
    #expect(Self.runAgainst(server)?.isConnection == true)
  }

  @Test func `a server of another protocol`() throws {
    let server = try FakeServer { connection in
      FakeServer.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), to: connection)
      shutdown(connection, Int32(SHUT_RDWR))
    }
    #expect(Self.runAgainst(server)?.isConnection == true)
  }

  @Test func `the welcome is one that libpq accepts`() throws {
    let server = try Self.server(answering: [], closes: false)
    let error = Self.runAgainst(server, within: .milliseconds(300))
    #expect(error?.isTimedOut == true, "\(error.map(\.description) ?? "")")
  }

  private static let answer: [UInt8] =
    message("1", []) + message("2", [])
    + message(
      "T", [0, 1] + Array("n\u{0}".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 8, 255, 255, 255, 255, 0, 1])
    + message("D", [0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]) + message("C", Array("SELECT 1\u{0}".utf8))
    + message("1", []) + message("2", []) + message("n", []) + message("C", Array("COMMIT\u{0}".utf8))
    + message("Z", [UInt8(ascii: "I")])

  @Test func `a correct answer is accepted, and no part of it`() throws {
    #expect(Self.runAgainst(try Self.server(answering: Self.answer)) == nil)
    for count in 0..<Self.answer.count {
      let error = Self.runAgainst(try Self.server(answering: Array(Self.answer[..<count])))
      #expect(error?.isConnection == true, "\(count): \(error.map(\.description) ?? "accepted")")
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func `a mutated answer`(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    var answer = Self.answer
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let index = Int.random(in: 0..<answer.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: answer[index] = UInt8.random(in: 0...255, using: &random)
      case 1: answer.remove(at: index)
      case 2: answer.insert(UInt8.random(in: 0...255, using: &random), at: index)
      default: answer.insert(contentsOf: answer[index..<min(answer.count, index + 12)], at: index)
      }
    }
    // A result or an error comes in time, and shows no secret.
    let error = Self.runAgainst(try Self.server(answering: answer), within: .seconds(5))
    #expect(error?.description.contains("secret") != true)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `junk`(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    let junk = (0..<Int.random(in: 1..<5000, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    let error = Self.runAgainst(try Self.server(answering: junk), within: .seconds(5))
    #expect(error != nil && error?.description.contains("secret") == false)
  }

  /// SplitMix64.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31)
    }
  }
}
