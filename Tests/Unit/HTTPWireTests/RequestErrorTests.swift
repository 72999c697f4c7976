import HTTPWire
import Testing

@Suite struct RequestErrorTests {
  /// The errors other than 400 Bad Request.
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

  /// Every error occurs in some row of the tables.
  ///
  /// One that cannot occur would be no rule.
  @Test func everyErrorIsReached() {
    var reached = Set<RequestError>()
    for case .refused(let error) in RequestCases.all.map(\.expectation) { reached.insert(error) }
    for case .refused(let error) in ChunkedDecoderTests.cases.map(\.1) { reached.insert(error) }
    #expect(reached == Set(RequestError.allCases))
  }
}
