/// A violation of RFC 9110 or 9112, or an exceeded limit.
///
/// The rest of the connection cannot be parsed, so one response is sent and the connection is closed.
package enum RequestError: Error, Hashable, Sendable, CaseIterable {
  case bareLineFeed
  case bareCarriageReturn
  case malformedRequestLine
  case malformedMethod
  case malformedTarget
  case targetTooLong
  case unsupportedVersion
  case headerSectionTooLarge
  case tooManyFields
  case malformedFieldName
  case malformedFieldValue
  case foldedField
  case missingHost
  case repeatedHost
  case malformedHost
  case malformedContentLength
  case repeatedContentLength
  case lengthAndTransferCoding
  case transferCodingOnHTTP10
  case unknownTransferCoding
  case malformedTransferCoding
  case unknownExpectation
  case malformedChunkSize
  case malformedChunk
  case chunkOverheadTooLarge
  case bodyTooLarge

  /// The status code that the RFC assigns to this error.
  package var status: Status {
    switch self {
    case .targetTooLong: .uriTooLong
    case .unsupportedVersion: .versionNotSupported
    case .headerSectionTooLarge, .tooManyFields: .headerFieldsTooLarge
    case .unknownTransferCoding: .notImplemented
    case .unknownExpectation: .expectationFailed
    case .bodyTooLarge: .contentTooLarge
    default: .badRequest
    }
  }

  /// One sentence on the rule. It quotes nothing from the request.
  package var explanation: String {
    switch self {
    case .bareLineFeed: "a line ends with LF alone; RFC 9112 section 2.2 wants CR LF"
    case .bareCarriageReturn: "a CR is not followed by LF (RFC 9112 section 2.2)"
    case .malformedRequestLine:
      "the request line is not method, target and version with single spaces between"
    case .malformedMethod: "the method is not a token (RFC 9110 section 9.1)"
    case .malformedTarget: "the request target is not a path or an http URL (RFC 9112 section 3.2)"
    case .targetTooLong: "the request target is longer than this server reads"
    case .unsupportedVersion: "this server speaks HTTP/1.1 and HTTP/1.0"
    case .headerSectionTooLarge: "the header section is larger than this server reads"
    case .tooManyFields: "there are more header fields than this server reads"
    case .malformedFieldName:
      "a field name is not a token directly followed by a colon (RFC 9112 section 5.1)"
    case .malformedFieldValue: "a field value holds a control character (RFC 9110 section 5.5)"
    case .foldedField: "a field is folded over several lines (RFC 9112 section 5.2)"
    case .missingHost: "HTTP/1.1 requires a Host field (RFC 9112 section 3.2)"
    case .repeatedHost: "there is more than one Host field (RFC 9112 section 3.2)"
    case .malformedHost: "the Host field is not a host with an optional port (RFC 9110 section 7.2)"
    case .malformedContentLength: "Content-Length is not a plain decimal number (RFC 9110 section 8.6)"
    case .repeatedContentLength: "there is more than one Content-Length (RFC 9112 section 6.3)"
    case .lengthAndTransferCoding: "Content-Length and Transfer-Encoding come together (RFC 9112 section 6.1)"
    case .transferCodingOnHTTP10: "HTTP/1.0 has no Transfer-Encoding (RFC 9112 section 6.1)"
    case .unknownTransferCoding: "the only transfer coding that this server knows is chunked"
    case .malformedTransferCoding: "chunked is not the one and last transfer coding (RFC 9112 section 6.1)"
    case .unknownExpectation: "the only expectation that this server knows is 100-continue"
    case .malformedChunkSize: "a chunk size is not a hexadecimal number (RFC 9112 section 7.1)"
    case .malformedChunk: "a chunk is not followed by CR LF (RFC 9112 section 7.1)"
    case .chunkOverheadTooLarge: "chunk extensions or trailers are larger than this server reads"
    case .bodyTooLarge: "the body is larger than this server reads"
    }
  }
}
