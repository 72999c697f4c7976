internal import Bytes
internal import System
internal import Time

/// Prints refused deliveries as they arrive, until SIGINT.
package struct RefusalFollower {
  private let client: JobsAPIClient
  private let code: String?
  private let isTable: Bool
  private var outage = OutageTolerance()
  /// The id of the newest one that was printed.
  private var newest = "0"

  private static let pollInterval = Duration.seconds(1)
  /// All that a daemon keeps.
  private static let limit = "1000"

  /// SIGINT must be blocked, and must cancel the calls of `client`.
  package init(of client: JobsAPIClient, code: String?, isTable: Bool) {
    self.client = client
    self.code = code
    self.isTable = isTable
  }

  package mutating func run() throws(CommandFailure) {
    // Bounded by SIGINT, and by the reader that closes the pipe.
    while true {
      var failure: CommandFailure?
      do throws(CommandFailure) {
        guard try printNewer() else { return }
        outage.noteResponse(at: MonotonicClock.now)
      } catch {
        failure = error
      }
      guard Signals.next(of: [.interrupt], within: failure == nil ? Self.pollInterval : .zero) == nil else {
        return
      }
      if let failure {
        try outage.tolerate(failure, at: MonotonicClock.now)
        guard Signals.next(of: [.interrupt], within: Self.pollInterval) == nil else { return }
      }
    }
  }

  /// False if the reader is gone.
  private mutating func printNewer() throws(CommandFailure) -> Bool {
    let query = [("code", code), ("limit", Self.limit), ("newer_than", newest)]
    guard let document = JSONDocument(try client.get("/refusals" + PercentEncoding.query(query))) else {
      throw CommandFailure(
        "no jobs API at this address: the response is no JSON object. Check --api and API_LISTEN",
        code: .failure)
    }
    for refusal in document.objects("refusals").reversed() {
      let isRead =
        isTable
        ? Terminal.print(Self.line(of: refusal)) : Terminal.print(json: refusal.bytes + [UInt8(ascii: "\n")])
      guard isRead else { return false }
      newest = refusal.text("id") ?? newest
    }
    return true
  }

  private static func line(of refusal: JSONDocument) -> String {
    let names = ["received_at", "client", "status", "code", "method", "path", "webhook_id", "reason"]
    return Terminal.visible(names.map { refusal.text($0) ?? "-" }.joined(separator: "  "))
  }
}
