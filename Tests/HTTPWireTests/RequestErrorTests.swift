import HTTPWire
import Testing

@Suite struct RequestErrorTests {
  /// The errors that are not simply 400 Bad Request.
  private static let special: [RequestError: Int] = [
    .bodyTooLarge: 413, .targetTooLong: 414, .unknownExpectation: 417, .headerSectionTooLarge: 431,
    .tooManyFields: 431, .unknownTransferCoding: 501, .unsupportedVersion: 505,
  ]

  @Test(arguments: RequestError.allCases)
  func everyErrorHasTheStatusOfItsRule(_ error: RequestError) {
    #expect(error.status.code == Self.special[error, default: 400])
  }

  @Test func noTwoErrorsAreExplainedAlike() {
    #expect(Set(RequestError.allCases.map(\.explanation)).count == RequestError.allCases.count)
  }

  /// Each rule is broken by some row of the tables; a rule that nothing can break would not be one.
  @Test func everyErrorIsReached() {
    var reached = Set<RequestError>()
    for case .refused(let error) in RequestCases.all.map(\.expectation) { reached.insert(error) }
    for case .refused(let error) in ChunkedDecoderTests.cases.map(\.1) { reached.insert(error) }
    #expect(reached == Set(RequestError.allCases))
  }
}
