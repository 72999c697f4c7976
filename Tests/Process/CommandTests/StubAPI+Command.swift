import LiveDaemon
import Stubs

extension StubAPI {
  /// Runs the command against this stub.
  func run(_ arguments: [String]) throws -> Program.Result {
    try Program.run(arguments + ["--api", url], environment: ["API_TOKENS": "first-token-0123456789"])
  }
}
