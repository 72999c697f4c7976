/// A violation of the PROXY protocol, or an exceeded limit.
///
/// The connection is closed without a response.
package enum ProxyHeaderError: Error, Hashable, Sendable, CaseIterable {
  case notAProxyHeader
  case bareLineFeed
  case bareCarriageReturn
  case lineTooLong
  case malformedLine
  case unknownProtocol
  case malformedAddress
  case malformedPort
  case unsupportedVersion
  case unknownCommand
  case unknownFamily
  case unknownTransport
  case datagram
  case headerTooLong
  case addressesTooShort
  case malformedTLV
  case checksumMismatch

  /// One sentence on the rule. It quotes nothing from the header.
  package var explanation: String {
    switch self {
    case .notAProxyHeader:
      "the connection does not begin with a PROXY header; let the proxy send one, or connect elsewhere"
    case .bareLineFeed: "the PROXY line holds an LF without CR"
    case .bareCarriageReturn: "a CR in the PROXY line is not followed by LF"
    case .lineTooLong: "the PROXY line does not end within 107 bytes"
    case .malformedLine: "the PROXY line is not protocol, addresses and ports with single spaces between"
    case .unknownProtocol: "the protocol of the PROXY line is none of TCP4, TCP6 and UNKNOWN"
    case .malformedAddress: "an address of the PROXY line is not one of its protocol"
    case .malformedPort: "a port of the PROXY line is not a plain decimal number up to 65535"
    case .unsupportedVersion: "the binary PROXY header is not of version 2"
    case .unknownCommand: "the command of the PROXY header is neither LOCAL nor PROXY"
    case .unknownFamily: "the address family of the PROXY header is not known"
    case .unknownTransport: "the transport protocol of the PROXY header is not known"
    case .datagram: "the PROXY header speaks of datagrams, and this is a stream"
    case .headerTooLong: "the PROXY header is longer than 536 bytes; let the proxy send fewer TLVs"
    case .addressesTooShort: "the PROXY header is shorter than its addresses"
    case .malformedTLV: "the TLVs of the PROXY header do not fill it exactly"
    case .checksumMismatch: "the checksum of the PROXY header is wrong"
    }
  }
}
