import Glibc
import StandardWebhooks

/// Times from a daemon's start to its first acknowledgement.
///
/// The delivery is signed beforehand and retried until the daemon listens.
struct StartupTimes {
  private(set) var times = Latencies(expected: 0)
  /// Memory of each daemon after its first answer, in bytes.
  private var resident: [Int] = []
  private var anonymous: [Int] = []

  /// Median resident memory; nil if /proc has no values.
  var residentMemory: Int? { Self.median(resident) }
  /// Median anonymous memory; nil if /proc has no values.
  var anonymousMemory: Int? { Self.median(anonymous) }

  private static func median(_ numbers: [Int]) -> Int? {
    numbers.isEmpty ? nil : numbers.sorted()[(numbers.count - 1) / 2]
  }

  private static let deadline = 60.0
  private static let pause: useconds_t = 200

  /// Measures one start, and stops the daemon.
  ///
  /// - Parameter start: starts a daemon with these additional settings.
  mutating func measure(
    _ delivery: Workload.Recipe, secret: Secret, start: ([String]) throws -> DaemonProcess
  ) throws {
    let address = "127.0.0.1:\(try Self.unusedPort())"
    let endpoint = try Endpoint("http://\(address)/webhooks/replicate")
    let requests = try Workload(delivery, to: endpoint, signedWith: secret).requests
    let began = Clock.nanoseconds
    let daemon = try start(["WEBHOOK_LISTEN=\(address)"])
    while try !Self.isAcknowledged(requests, by: endpoint) {
      try Interruption.check()
      try daemon.requireRunning()
      guard Clock.seconds(since: began) < Self.deadline else {
        throw Failure("no delivery was acknowledged within a minute of the start", .unavailable)
      }
      usleep(Self.pause)
    }
    times.add(nanoseconds: Clock.nanoseconds - began)
    let usage = ResourceUsage(of: daemon.id)
    if let memory = usage?.residentMemory { resident.append(memory) }
    if let memory = usage?.anonymousMemory { anonymous.append(memory) }
  }

  /// Sends the delivery; false unless it is acknowledged.
  private static func isAcknowledged(_ requests: RequestArena, by endpoint: Endpoint) throws -> Bool {
    guard let socket = ClientSocket(to: endpoint, nil), wait(for: POLLOUT, on: socket),
      socket.establish() == .moved(0)
    else { return false }
    let length = requests.range(of: 0).count
    guard requests.withBytes(of: 0, from: 0, { socket.send($0) }) == .moved(length) else { return false }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 16)
    defer { buffer.deallocate() }
    var reader = ResponseReader()
    while !reader.isComplete {
      guard wait(for: POLLIN, on: socket), case .moved(let count) = socket.receive(into: buffer) else {
        return false
      }
      do throws(ResponseReader.Problem) {
        try reader.consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      } catch {
        throw Failure("the first response cannot be parsed: \(error)", .unavailable)
      }
    }
    return reader.status == 200
  }

  private static func wait(for events: Int32, on socket: ClientSocket) -> Bool {
    var entry = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
    return poll(&entry, 1, 10_000) == 1
  }

  /// A port that the system assigned and that is free again.
  private static func unusedPort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw Failure("127.0.0.1 has no free port", .system) }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

// MARK: - For people and for machines

extension StartupTimes {
  func text(_ title: String) -> String {
    var lines = ["start: \(title)"]
    if let summary = times.summary() {
      lines.append(
        "  until the first ack  p50 \(Quantity.milliseconds(summary.p50)), "
          + "max \(Quantity.milliseconds(summary.max))"
      )
    }
    if let residentMemory { lines.append("  memory after it      \(Quantity.bytes(Double(residentMemory)))") }
    return lines.joined(separator: "\n") + "\n"
  }

  func json(_ title: String) -> String {
    let summary = times.summary()
    return JSONLine.object([
      ("scenario", .string(Scenario.start.rawValue)), ("title", .string(title)),
      ("p50_us", summary.map { .integer($0.p50) }), ("max_us", summary.map { .integer($0.max) }),
      ("resident_bytes", residentMemory.map { .integer($0) }),
      ("anonymous_bytes", anonymousMemory.map { .integer($0) }), ("faultless", .boolean(true)),
    ]).text
  }
}
