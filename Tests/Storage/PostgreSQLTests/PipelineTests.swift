import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// Statements sent together, their errors and their notices.
@Suite(.needsPostgreSQL) struct PipelineTests {
  private let connection: Connection

  init() throws { connection = try PostgreSQLServer.shared().connect() }

  private func pipeline(_ statements: String...) -> Pipeline {
    var pipeline = Pipeline()
    for statement in statements { pipeline.add(Query(statement)) }
    return pipeline
  }

  @Test func `results come in the order of the statements`() throws {
    var pipeline = Pipeline()
    pipeline.add(Query("BEGIN"))
    let numbers = (0..<100).map { pipeline.add(Query("SELECT $1::bigint"), [.integer($0)]) }
    let last = pipeline.add(Query("COMMIT"))
    let results = try connection.run(pipeline, deadline: generous)
    #expect(results.count == 102)
    #expect(numbers.map { results[$0].integer(0, 0) } == Array(0..<100))
    #expect(results[last].commandTag == "COMMIT" && !connection.isInTransaction)
  }

  @Test func `a pipeline larger than all buffers between`() throws {
    var pipeline = Pipeline()
    let bytes = [UInt8](repeating: 1, count: 1_000_000)
    for _ in 0..<32 { pipeline.add(Query("SELECT $1::bytea"), [.bytes(bytes)]) }
    let results = try connection.run(pipeline, deadline: generous)
    #expect(results.count == 32 && results.allSatisfy { $0.bytes(0, 0).count == 1_000_000 })
  }

  @Test func `an empty pipeline has no results`() throws {
    #expect(try connection.run(Pipeline(), deadline: generous).isEmpty)
  }

  @Test func `tags report what a statement did`() throws {
    try connection.script("CREATE TEMP TABLE numbers (number bigint)", deadline: generous)
    let results = try connection.run(
      pipeline(
        "INSERT INTO numbers SELECT generate_series(1, 5)", "UPDATE numbers SET number = 0 WHERE number > 3",
        "DELETE FROM numbers WHERE number > 0", "SELECT number FROM numbers", "BEGIN", "ROLLBACK"),
      deadline: generous)
    #expect(
      results.map(\.commandTag) == ["INSERT 0 5", "UPDATE 2", "DELETE 3", "SELECT 2", "BEGIN", "ROLLBACK"])
    #expect(results.map(\.affected) == [5, 2, 3, 2, 0, 0])
  }

  @Test(arguments: 0..<5)
  func `an error anywhere in a pipeline leaves the connection usable`(_ place: Int) throws {
    var statements = ["BEGIN", "SELECT 1", "SELECT 2", "COMMIT"]
    statements.insert("SELECT 1 / 0", at: place)
    var pipeline = Pipeline()
    for statement in statements { pipeline.add(Query(statement)) }
    for _ in 0..<2 {
      let error = #expect(throws: PostgreSQLError.self) {
        _ = try connection.run(pipeline, deadline: generous)
      }
      #expect(error == .server(.divisionByZero, "division by zero"))
      #expect(!connection.isBroken)
      #expect(connection.isInTransaction == (1...3).contains(place))
      if connection.isInTransaction { _ = try connection.run(Query("ROLLBACK"), deadline: generous) }
      #expect(try connection.run(Query("SELECT 2"), deadline: generous).integer(0, 0) == 2)
    }
  }

  @Test func `an aborted transaction ends with ROLLBACK though COMMIT was sent`() throws {
    #expect(throws: PostgreSQLError.self) {
      _ = try connection.run(pipeline("BEGIN", "SELECT 1/0"), deadline: generous)
    }
    #expect(try connection.run(Query("COMMIT"), deadline: generous).commandTag == "ROLLBACK")
  }

  @Test func `a statement that is wrong can be run again`() throws {
    let query = Query("SELECT number FROM later")
    for _ in 0..<2 {
      let error = #expect(throws: PostgreSQLError.self) { _ = try connection.run(query, deadline: generous) }
      #expect(error?.sqlState == .undefinedTable)
    }
    try connection.script("CREATE TEMP TABLE later (number bigint)", deadline: generous)
    #expect(try connection.run(query, deadline: generous).isEmpty)
  }

  @Test func `a statement is prepared once a connection`() throws {
    for number in 0..<20 as Range<Int64> {
      let rows = try connection.run(Query("SELECT $1::bigint + 1"), [.integer(number)], deadline: generous)
      #expect(rows.integer(0, 0) == number + 1)
    }
    let count = try connection.run(
      Query("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+ 1'"), deadline: generous)
    #expect(count.integer(0, 0) == 1)
  }

  @Test func `more statements than a connection prepares`() throws {
    for round in 0..<2 {
      for number in 0..<600 {
        let rows = try connection.run(Query("SELECT \(number)"), deadline: generous)
        #expect(rows.integer(0, 0) == Int64(number), "round \(round)")
      }
    }
    let count = try connection.run(Query("SELECT count(*) FROM pg_prepared_statements"), deadline: generous)
    #expect(count.integer(0, 0) <= 512)
  }

  @Test func `notices are kept with their SQLSTATE until they are cleared`() throws {
    #expect(connection.notices.isEmpty)
    let query = Query("DO $$ BEGIN RAISE WARNING 'careful' USING ERRCODE = '01007'; END $$")
    _ = try connection.run(query, deadline: generous)
    #expect(connection.notices.map(\.sqlState) == [SQLState(rawValue: "01007")])
    #expect(connection.notices.map(\.message) == ["careful"])
    connection.clearNotices()
    #expect(connection.notices.isEmpty)
  }

  @Test func `a warning is not lost among many notices`() throws {
    try connection.script(
      """
      DO $$ BEGIN
        FOR i IN 1..100 LOOP RAISE NOTICE USING MESSAGE = 'n', ERRCODE = '00000'; END LOOP;
        RAISE WARNING 'careful';
        FOR i IN 1..100 LOOP RAISE NOTICE USING MESSAGE = 'n', ERRCODE = '00000'; END LOOP;
      END $$
      """, deadline: generous)
    #expect(connection.notices.count <= 64)
    #expect(
      connection.notices.contains { $0.message == "careful" && $0.sqlState == SQLState(rawValue: "01000") })
  }

  @Test func `a script runs several statements, or none of them`() throws {
    try connection.script("CREATE TEMP TABLE a (b bigint); INSERT INTO a VALUES (1), (2)", deadline: generous)
    let error = #expect(throws: PostgreSQLError.self) {
      try connection.script("INSERT INTO a VALUES (3); SELECT 1/0; SELECT 2", deadline: generous)
    }
    #expect(error?.sqlState == .divisionByZero)
    #expect(try connection.run(Query("SELECT count(*) FROM a"), deadline: generous).integer(0, 0) == 2)
  }

  @Test func `COPY is refused, and ends the connection`() throws {
    #expect(throws: PostgreSQLError.self) {
      try connection.script("COPY pg_class TO STDOUT", deadline: generous)
    }
    #expect(connection.isBroken)
  }
}
