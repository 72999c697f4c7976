internal import HTTPServer
internal import HTTPWire
internal import Settings

extension SettingVariable {
  static let maxBody = SettingVariable("MAX_BODY")
  static let maxHeader = SettingVariable("MAX_HEADER", reload: .always)
  static let maxHeaderFields = SettingVariable("MAX_HEADER_FIELDS", reload: .always)
  static let maxTarget = SettingVariable("MAX_TARGET", reload: .always)
  static let maxConnections = SettingVariable("MAX_CONNECTIONS", reload: .always)
  static let maxConnectionsPerAddress = SettingVariable("MAX_CONNECTIONS_PER_ADDRESS", reload: .always)
  static let maxStreams = SettingVariable("MAX_STREAMS", reload: .always)
  static let maxBytesInFlight = SettingVariable("MAX_BYTES_IN_FLIGHT", reload: .always)
  static let maxRequestsPerConnection = SettingVariable("MAX_REQUESTS_PER_CONNECTION", reload: .always)
  static let handshakeTimeout = SettingVariable("HANDSHAKE_TIMEOUT", reload: .always)
  static let firstByteTimeout = SettingVariable("FIRST_BYTE_TIMEOUT", reload: .always)
  static let headerTimeout = SettingVariable("HEADER_TIMEOUT", reload: .always)
  static let bodyTimeout = SettingVariable("BODY_TIMEOUT", reload: .always)
  static let writeTimeout = SettingVariable("WRITE_TIMEOUT", reload: .always)
  static let minRate = SettingVariable("MIN_RATE", reload: .always)
  static let idleTimeout = SettingVariable("IDLE_TIMEOUT", reload: .always)

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
