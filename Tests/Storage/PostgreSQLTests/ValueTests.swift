import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// Values survive the way to a server and back.
@Suite(.needsPostgreSQL) struct ValueTests {
  private let connection: Connection

  init() throws { connection = try PostgreSQLServer.shared().connect() }

  private func echo(_ type: String, _ parameter: Parameter) throws -> Rows {
    let rows = try connection.run(Query("SELECT $1::\(type)"), [parameter], deadline: generous)
    #expect(rows.count == 1)
    return rows
  }

  @Test(arguments: [0, 1, -1, .max, .min, 1 << 40])
  func `an integer`(_ value: Int64) throws {
    #expect(try echo("bigint", .integer(value)).optionalInteger(0, 0) == value)
  }

  @Test(arguments: [
    "", "a", "häß", "日本語 👩‍🚀",
    "line\nbreak\t'\"\\", String(repeating: "x", count: 1_000_000),
  ])
  func `a text`(_ value: String) throws {
    #expect(try echo("text", .text(value)).text(0, 0) == value)
  }

  @Test(arguments: [[], [0], [0, 255, 0, 128], [UInt8](repeating: 0, count: 1_000_000)])
  func `bytes, NUL among them`(_ value: [UInt8]) throws {
    #expect(try echo("bytea", .bytes(value)).optionalBytes(0, 0) == value)
  }

  @Test(arguments: [true, false])
  func `a boolean`(_ value: Bool) throws {
    #expect(try echo("boolean", .boolean(value)).optionalBoolean(0, 0) == value)
  }

  @Test(arguments: [[], [nil], [1, nil, -1, .min], [Int64?](repeating: 7, count: 10_000)])
  func `an array of integers`(_ values: [Int64?]) throws {
    #expect(try echo("bigint[]", .integers(values)).integers(0, 0) == values)
  }

  @Test(arguments: [[], [nil], ["", nil, "NULL", "{}", "ä,b"]])
  func `an array of texts`(_ values: [String?]) throws {
    #expect(try echo("text[]", .texts(values)).texts(0, 0) == values)
  }

  @Test(arguments: [[], [nil], [[], nil, [0, 1], [UInt8](repeating: 9, count: 100_000)]])
  func `an array of bytes`(_ values: [[UInt8]?]) throws {
    #expect(try echo("bytea[]", .byteArrays(values)).byteArrays(0, 0) == values)
  }

  @Test(arguments: [[], [nil], [true, nil, false]])
  func `an array of booleans`(_ values: [Bool?]) throws {
    #expect(try echo("boolean[]", .booleans(values)).booleans(0, 0) == values)
  }

  @Test func `NULL is nil, or else 0, false and empty`() throws {
    let rows = try echo("bigint", .null)
    #expect(rows.isNull(0, 0) && rows.optionalInteger(0, 0) == nil && rows.text(0, 0) == nil)
    #expect(rows.optionalBytes(0, 0) == nil && rows.optionalBoolean(0, 0) == nil)
    #expect(rows.integer(0, 0) == 0 && rows.bytes(0, 0) == [] && !rows.boolean(0, 0))
    #expect(rows.integers(0, 0) == [] && rows.texts(0, 0) == [])
  }

  @Test func `rows and columns that are not there read as NULL`() throws {
    let rows = try echo("bigint", .integer(1))
    for (row, column) in [(1, 0), (-1, 0), (0, 2), (0, -1), (.max, 0), (.min, .max)] as [(Int, Int32)] {
      #expect(rows.isNull(row, column))
    }
  }

  @Test func `a value of another type reads as nothing`() throws {
    let rows = try connection.run(
      Query("SELECT 'abc'::text, 1.5::float8::text, ARRAY[[1,2],[3,4]]::bigint[], 7::int, 7::smallint"),
      deadline: generous)
    #expect(rows.optionalInteger(0, 0) == nil && rows.integers(0, 0) == [] && !rows.boolean(0, 0))
    #expect(rows.integers(0, 2) == [])
    #expect(rows.integer(0, 3) == 7 && rows.integer(0, 4) == 7)
  }

  @Test func `U+0000 in a text is the server's error`() throws {
    let error = #expect(throws: PostgreSQLError.self) { _ = try echo("text", .text("a\0b")) }
    #expect(error?.sqlState == SQLState(rawValue: "22021"))
    #expect(try echo("text", .text("b")).text(0, 0) == "b")
  }

  @Test func `one statement with NULL and with a value`() throws {
    let query = Query("SELECT coalesce($1, -1::bigint)")
    for parameter in [Parameter.null, .integer(5), .null, .integer(6)] {
      _ = try connection.run(query, [parameter], deadline: generous)
    }
    #expect(try connection.run(query, [.null], deadline: generous).integer(0, 0) == -1)
    #expect(try connection.run(query, [.integer(5)], deadline: generous).integer(0, 0) == 5)
  }
}
