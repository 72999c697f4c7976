internal import HTTPServer
internal import HTTPWire
internal import Settings

extension SettingVariable {
  static let maxBody = SettingVariable(
    "MAX_BODY",
    "The body of a request. A larger delivery is refused, and lost.")
  static let maxHeader = SettingVariable(
    "MAX_HEADER",
    "The request line and all header fields together.", reload: .always)
  static let maxHeaderFields = SettingVariable(
    "MAX_HEADER_FIELDS",
    "Header fields of a request.", reload: .always)
  static let maxTarget = SettingVariable(
    "MAX_TARGET",
    "The target of a request: path and query.", reload: .always)
  static let maxConnections = SettingVariable(
    "MAX_CONNECTIONS",
    "Connections at once.", reload: .always)
  static let maxConnectionsPerAddress = SettingVariable(
    "MAX_CONNECTIONS_PER_ADDRESS",
    "Connections at once of one client address; of IPv6, of one /64.", reload: .always)
  static let maxStreams = SettingVariable(
    "MAX_STREAMS",
    "Streams and reads that wait, at once: at most half of `MAX_CONNECTIONS`.", reload: .always)
  static let maxBytesInFlight = SettingVariable(
    "MAX_BYTES_IN_FLIGHT",
    "Bytes of bodies and answers that all connections hold together.", reload: .always)
  static let maxRequestsPerConnection = SettingVariable(
    "MAX_REQUESTS_PER_CONNECTION",
    "Requests on one connection.", reload: .always)
  static let handshakeTimeout = SettingVariable(
    "HANDSHAKE_TIMEOUT",
    "The time for a PROXY header or a TLS handshake.", reload: .always)
  static let firstByteTimeout = SettingVariable(
    "FIRST_BYTE_TIMEOUT",
    "The time to the first byte of a connection's first request.", reload: .always)
  static let headerTimeout = SettingVariable(
    "HEADER_TIMEOUT",
    "The time from there to the end of the header section.", reload: .always)
  static let bodyTimeout = SettingVariable(
    "BODY_TIMEOUT",
    "The time for a body, and a second more for each `MIN_RATE` bytes.", reload: .always)
  static let writeTimeout = SettingVariable(
    "WRITE_TIMEOUT",
    "The time for an answer to be read, and a second more for each `MIN_RATE` bytes.", reload: .always)
  static let minRate = SettingVariable(
    "MIN_RATE",
    "The slowest transfer, in bytes a second.", reload: .always)
  static let idleTimeout = SettingVariable(
    "IDLE_TIMEOUT",
    "The time between two requests of a connection.", reload: .always)

  static let limits: [SettingVariable] = [
    .maxBody, .maxHeader, .maxHeaderFields, .maxTarget, .maxConnections, .maxConnectionsPerAddress,
    .maxStreams, .maxBytesInFlight, .maxRequestsPerConnection, .handshakeTimeout, .firstByteTimeout,
    .headerTimeout,
    .bodyTimeout, .writeTimeout, .minRate, .idleTimeout,
  ]
}

extension ServerLimits {
  /// Reads the limits of a listener; the defaults are those of ``ServerLimits/init()``.
  init(from reader: inout SettingsReader) {
    self.init()
    reader.read(.maxBody, into: &message.maxBodyBytes, asSizeIn: 1024...(256 << 20))
    reader.read(.maxHeader, into: &message.maxHeaderSectionBytes, asSizeIn: 1024...(1 << 20))
    reader.read(.maxHeaderFields, into: &message.maxFields, in: 10...10_000)
    reader.read(.maxTarget, into: &message.maxTargetBytes, asSizeIn: 256...(64 << 10))

    reader.read(.maxConnections, into: &maxConnections, in: 1...1_000_000)
    reader.read(.maxConnectionsPerAddress, into: &maxConnectionsPerAddress, in: 1...1_000_000)
    readMaxStreams(from: &reader)
    reader.read(.maxBytesInFlight, into: &maxBytesInFlight, asSizeIn: 1024...(1 << 40))
    reader.read(.maxRequestsPerConnection, into: &maxRequestsPerConnection, in: 1...1_000_000_000)

    reader.read(.handshakeTimeout, into: &handshakeTimeout)
    reader.read(.firstByteTimeout, into: &firstByteTimeout)
    reader.read(.headerTimeout, into: &headerTimeout)
    reader.read(.bodyTimeout, into: &minBodyRate.grace)
    reader.read(.writeTimeout, into: &minWriteRate.grace)
    reader.read(.idleTimeout, into: &idleTimeout)
    reader.read(.minRate, into: &minBodyRate.bytesPerSecond, asSizeIn: 1...(1 << 30))
    minWriteRate.bytesPerSecond = minBodyRate.bytesPerSecond

    if maxBytesInFlight < message.maxBodyBytes {
      reader.report(
        .maxBytesInFlight, "it is less than MAX_BODY: one body of that size could never be received")
    }
  }

  /// Streams may take half of the connections, so that the other half is left to requests that end.
  private mutating func readMaxStreams(from reader: inout SettingsReader) {
    let half = maxConnections / 2
    maxStreams = reader.number(.maxStreams, default: min(maxStreams, half), in: 0...500_000)
    guard maxStreams > half else { return }
    reader.report(
      .maxStreams, "it is more than half of MAX_CONNECTIONS: at most \(half) streams are possible")
  }
}

extension SettingsReader {
  fileprivate mutating func read(_ variable: SettingVariable, into limit: inout Duration) {
    limit = duration(variable, default: limit, in: .milliseconds(100)...(.seconds(3600)))
  }

  fileprivate mutating func read(
    _ variable: SettingVariable, into limit: inout Int, in range: ClosedRange<Int>
  ) {
    limit = number(variable, default: limit, in: range)
  }

  fileprivate mutating func read(
    _ variable: SettingVariable, into limit: inout Int, asSizeIn range: ClosedRange<Int>
  ) {
    limit = size(variable, default: limit, in: range)
  }
}
