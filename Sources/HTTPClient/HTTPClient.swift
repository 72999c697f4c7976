package import ClientAddress

/// Sends HTTP requests: over the network, or to a simulated server.
///
/// A canceled task ends its call soon, without a response.
package protocol HTTPClient: Sendable {
  /// Sends a request and receives the response.
  func send(_ request: HTTPClientRequest) async -> Result<HTTPClientResponse, HTTPClientError>
}

/// One request, with its limits. Redirects are not followed.
package struct HTTPClientRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
  }

  package var method: Method
  package var url: String
  /// Header fields as `name: value`.
  package var fields: [String]
  /// The content of POST, empty if nil; or of PUT, in place of ``file``.
  package var body: [UInt8]?
  /// The content of PUT, empty if nil.
  package var file: FileContent?
  /// Never send it twice.
  ///
  /// libcurl repeats a request of any method if a reused connection ends without a response. Such a request
  /// therefore gets a new connection.
  package var isOnce = false
  /// The maximum length of the response's content.
  package var maxBodyBytes = 64 << 20
  /// Whether longer content is cut at ``maxBodyBytes``, without an error.
  package var truncatesBody = false
  /// The addresses that may be connected to, checked at each connect.
  ///
  /// A policy that refuses any address excludes proxies, because a proxy would connect unchecked.
  package var addresses = AddressPolicy.everyAddress
  package var connectTimeout = Duration.seconds(5)
  /// From the start of the call to the last byte of the response.
  package var timeout = Duration.seconds(60)
  /// The rate below which the call ends. Nil for none.
  package var minimumRate: MinimumRate?
  /// The names of the fields that the response is to have, as ``HTTPClientResponse/fields``.
  package var wantedFields: [String] = []

  package init(_ method: Method, _ url: String, fields: [String] = [], body: [UInt8]? = nil) {
    self.method = method
    self.url = url
    self.fields = fields
    self.body = body
  }
}

/// A rate of transfer that must not be missed for too long.
package struct MinimumRate: Equatable, Sendable {
  package let bytesPerSecond: Int
  /// How long the rate may be lower, in seconds.
  package let seconds: Int

  package init(bytesPerSecond: Int, seconds: Int) {
    self.bytesPerSecond = bytesPerSecond
    self.seconds = seconds
  }
}

package struct HTTPClientResponse: Equatable, Sendable {
  package let status: Int
  /// The value of `Retry-After`.
  package let retryAfter: String?
  /// The value of `ETag`, with its quotes.
  package let entityTag: String?
  package let body: [UInt8]
  /// The values of the ``HTTPClientRequest/wantedFields`` that the response has, by the names of the request.
  package let fields: [String: [String]]

  package init(
    status: Int, retryAfter: String? = nil, entityTag: String? = nil, body: [UInt8] = [],
    fields: [String: [String]] = [:]
  ) {
    self.status = status
    self.retryAfter = retryAfter
    self.entityTag = entityTag
    self.body = body
    self.fields = fields
  }
}

/// A part of an open file that is sent as a request's content.
///
/// It is read as it is sent, so that it never is in memory whole.
package struct FileContent: Sendable {
  package let descriptor: Int32
  package let offset: Int
  /// In bytes.
  package let count: Int

  /// - Parameter descriptor: open for reading, and regular, until the call has ended.
  package init(descriptor: Int32, offset: Int = 0, count: Int) {
    self.descriptor = descriptor
    self.offset = offset
    self.count = count
  }
}

/// Takes the content of a response as it arrives, so that it never is in memory whole.
package protocol ContentSink: AnyObject {
  /// Called once, when the header section of the response has arrived.
  ///
  /// - Returns: Whether the content is wanted. If not, the call ends with ``HTTPClientError/unwanted``.
  func begin(_ response: HTTPClientResponse) -> Bool

  /// - Returns: Whether to go on. If not, the call ends with ``HTTPClientError/unwanted``.
  func take(_ bytes: Span<UInt8>) -> Bool
}

/// The reason a call returned no response.
package enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No byte of the request was sent, so the server cannot have acted on it.
  case unsent(String)
  /// Nothing was sent, because ``HTTPClientRequest/addresses`` refuses each address of the host.
  case addressRefused(AddressRefusal)
  /// The effect of the call is unknown.
  case unanswered(String)
  /// The content of the response exceeded the limit.
  case oversized(status: Int)
  /// The sink took no more.
  case unwanted(status: Int)

  package var description: String {
    switch self {
    case .unsent(let reason), .unanswered(let reason): reason
    case .addressRefused(let refusal): "\(refusal)"
    case .oversized: "the answer was longer than may be taken"
    case .unwanted: "the answer was not read to its end"
    }
  }
}
