internal import HTTPServer
internal import HTTPWire

extension SettingsReader {
  /// Every bound of a listener; what no variable sets keeps the default of ``ServerLimits``.
  mutating func limits() -> ServerLimits {
    var limits = ServerLimits()
    read(.maxBody, into: &limits.message.maxBodyBytes, asSizeIn: 1024...(256 << 20))
    read(.maxHeader, into: &limits.message.maxHeaderSectionBytes, asSizeIn: 1024...(1 << 20))
    read(.maxHeaderFields, into: &limits.message.maxFields, in: 10...10_000)
    read(.maxTarget, into: &limits.message.maxTargetBytes, asSizeIn: 256...(64 << 10))

    read(.maxConnections, into: &limits.maxConnections, in: 1...1_000_000)
    read(.maxConnectionsPerAddress, into: &limits.maxConnectionsPerAddress, in: 1...1_000_000)
    read(.maxBytesInFlight, into: &limits.maxBytesInFlight, asSizeIn: 1024...(1 << 40))
    read(.maxRequestsPerConnection, into: &limits.maxRequestsPerConnection, in: 1...1_000_000_000)

    read(.handshakeTimeout, into: &limits.handshakeTimeout)
    read(.firstByteTimeout, into: &limits.firstByteTimeout)
    read(.headerTimeout, into: &limits.headerTimeout)
    read(.bodyTimeout, into: &limits.minBodyRate.grace)
    read(.writeTimeout, into: &limits.minWriteRate.grace)
    read(.idleTimeout, into: &limits.idleTimeout)
    read(.minRate, into: &limits.minBodyRate.bytesPerSecond, asSizeIn: 1...(1 << 30))
    limits.minWriteRate.bytesPerSecond = limits.minBodyRate.bytesPerSecond

    if limits.maxBytesInFlight < limits.message.maxBodyBytes {
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
