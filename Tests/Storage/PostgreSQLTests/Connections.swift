import PostgreSQL
import PostgreSQLServer
import Testing
import Time

/// A deadline that only a failure reaches.
var generous: MonotonicTime { MonotonicClock.now + .seconds(20) }

func connect(to url: String) throws -> Connection {
  try Connection(to: ConnectionTarget(url: url), named: "test", deadline: generous)
}

extension Trait where Self == ConditionTrait {
  static var needsPostgreSQL: Self { .enabled(if: PostgreSQLServer.isAvailable, "needs PostgreSQL") }
  static var needsPgBouncer: Self {
    .enabled(if: PostgreSQLServer.isAvailable && PgBouncerProxy.isAvailable, "needs PostgreSQL and PgBouncer")
  }
}

extension PostgreSQLError {
  var sqlState: SQLState? {
    if case .server(let state, _) = self { state } else { nil }
  }

  var isConnection: Bool {
    if case .connection = self { true } else { false }
  }

  var isTimedOut: Bool {
    if case .timedOut = self { true } else { false }
  }
}

extension SQLState {
  static let divisionByZero = SQLState(rawValue: "22012")
  static let unknownType = SQLState(rawValue: "42704")
}
