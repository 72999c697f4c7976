import ClientAddress
@testable import HTTPServer
@testable import JobsPage
@testable import Routing
import Testing
import Time

@Suite struct SignInTests {
  private static func client(_ text: String) -> ClientKey? { IPAddress(text).flatMap { ClientKey(.ip($0)) } }

  private let start = MonotonicTime(nanoseconds: 1)

  @Test func `ten wrong tokens in a row are answered, then one each six seconds`() {
    let budget = SignInBudget()
    let client = Self.client("192.0.2.1")
    for _ in 0..<SignInBudget.burst {
      #expect(budget.delay(of: client, at: start) == .zero)
      budget.noteFailure(of: client, at: start)
    }
    #expect(budget.delay(of: client, at: start) == .seconds(6))
    #expect(budget.delay(of: client, at: start + .milliseconds(5999)) == .milliseconds(1))
    #expect(budget.delay(of: client, at: start + .seconds(6)) == .zero)
    budget.noteFailure(of: client, at: start + .seconds(6))
    #expect(budget.delay(of: client, at: start + .seconds(6)) == .seconds(6))
    #expect(budget.delay(of: client, at: start + .seconds(3600)) == .zero)
  }

  @Test func `each client has a budget of its own`() {
    let budget = SignInBudget()
    for _ in 0..<SignInBudget.burst { budget.noteFailure(of: Self.client("192.0.2.1"), at: start) }
    for _ in 0..<SignInBudget.burst { budget.noteFailure(of: nil, at: start) }
    #expect(budget.delay(of: Self.client("192.0.2.1"), at: start) > .zero)
    #expect(budget.delay(of: nil, at: start) > .zero)
    #expect(budget.delay(of: Self.client("192.0.2.2"), at: start) == .zero)
    // One network of IPv6 is one customer.
    for _ in 0..<SignInBudget.burst { budget.noteFailure(of: Self.client("2001:db8::1"), at: start) }
    #expect(budget.delay(of: Self.client("2001:db8::2"), at: start) > .zero)
    #expect(budget.delay(of: Self.client("2001:db8:0:1::2"), at: start) == .zero)
  }

  @Test func `the number of clients is bounded, and those with less to try stay`() {
    let budget = SignInBudget()
    let slow = Self.client("198.51.100.1")
    for _ in 0..<SignInBudget.burst { budget.noteFailure(of: slow, at: start + .seconds(1)) }
    for number in 0..<2 * SignInBudget.maxClients {
      budget.noteFailure(of: Self.client("10.0.\(number / 256).\(number % 256)"), at: start + .seconds(1))
    }
    #expect(budget.clientCount <= SignInBudget.maxClients)
    // After a while the others may try as often as new ones.
    let later = start + .seconds(20)
    budget.noteFailure(of: Self.client("192.0.2.1"), at: later)
    #expect(budget.clientCount <= 2)
  }

  @Test(arguments: [
    ("", ProblemCode.malformedJSON), ("null", .malformedJSON), ("[]", .malformedJSON),
    ("\"a\"", .malformedJSON),
    ("{", .malformedJSON), ("{}", .invalidRequest), (#"{"token":null}"#, .invalidRequest),
    (#"{"token":1}"#, .invalidRequest), (#"{"Token":"a"}"#, .invalidRequest),
    (#"{"token":"a","token":"b"}"#, .invalidRequest), (#"{"token":"a","x":1}"#, .invalidRequest),
  ])
  func `another body is refused, and not quoted`(_ body: String, _ code: ProblemCode) {
    let result = Result { () throws(Problem) in try SignInRequest(body: Array(body.utf8)) }
    guard case .failure(let problem) = result else {
      Issue.record("\(body) was accepted")
      return
    }
    #expect(problem.code == code)
  }

  @Test func `a token may be escaped`() throws {
    let request = try SignInRequest(body: Array(#" {"token":"a\u0062\""}"#.utf8))
    #expect(request.token == "ab\"")
  }
}
