internal import HTTPServer
internal import HTTPWire

extension SettingsReader {
  /// Every bound of a listener; what no variable sets keeps the default of ``ServerLimits``.
  mutating func limits() -> ServerLimits {
    var limits = ServerLimits()
    read(.maxBody, into: &limits.message.bodyBytes, asSizeIn: 1024...(256 << 20))
    read(.maxHeader, into: &limits.message.headerSectionBytes, asSizeIn: 1024...(1 << 20))
    read(.maxHeaderFields, into: &limits.message.fieldCount, in: 10...10_000)
    read(.maxTarget, into: &limits.message.targetBytes, asSizeIn: 256...(64 << 10))

    read(.maxConnections, into: &limits.connections, in: 1...1_000_000)
    read(.maxConnectionsPerAddress, into: &limits.connectionsPerAddress, in: 1...1_000_000)
    read(.maxBytesInFlight, into: &limits.bytesInFlight, asSizeIn: 1024...(1 << 40))
    read(.maxRequestsPerConnection, into: &limits.requestsPerConnection, in: 1...1_000_000_000)

    read(.handshakeTimeout, into: &limits.handshake)
    read(.firstByteTimeout, into: &limits.firstByte)
    read(.headerTimeout, into: &limits.header)
    read(.bodyTimeout, into: &limits.body.grace)
    read(.writeTimeout, into: &limits.write.grace)
    read(.idleTimeout, into: &limits.idle)
    read(.minRate, into: &limits.body.bytesPerSecond, asSizeIn: 1...(1 << 30))
    limits.write.bytesPerSecond = limits.body.bytesPerSecond

    if limits.bytesInFlight < limits.message.bodyBytes {
      report(.maxBytesInFlight, "it is less than MAX_BODY: one body of that size could never be received")
    }
    return limits
  }

  private mutating func read(_ variable: Variable, into limit: inout Duration) {
    limit = duration(variable, default: limit, in: .milliseconds(100)...(.seconds(3600)))
  }

  private mutating func read(_ variable: Variable, into limit: inout Int, in range: ClosedRange<Int>) {
    limit = number(variable, default: limit, in: range)
  }

  private mutating func read(_ variable: Variable, into limit: inout Int, asSizeIn range: ClosedRange<Int>) {
    limit = size(variable, default: limit, in: range)
  }
}
