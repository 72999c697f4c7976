import EventLoop

/// Accepts connections, and answers as the test says, or not at all.
final class RawServer {
  private let kernel: LinuxKernel
  private let descriptor: Int32
  private var connections: Set<Int32> = []
  let url: String

  init() throws {
    kernel = try LinuxKernel()
    let (descriptor, address) = try kernel.listen(
      on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 8)
    self.descriptor = descriptor
    url = "http://\(address)/"
  }

  deinit {
    for connection in connections { kernel.close(connection) }
    kernel.close(descriptor)
  }

  /// The next connection; nil if none comes within that many pauses.
  ///
  /// Pauses, not time: while other tests keep every thread busy, the client's task gets no turn either.
  func accept(pauses: Int = 12_000) async -> Int32? {
    for _ in 0...pauses {
      if case .accepted(let connection, _) = kernel.accept(from: descriptor) {
        connections.insert(connection)
        return connection
      }
      await Self.pause()
    }
    return nil
  }

  /// Receives a request, and sends the response.
  func answer(_ response: String, on connection: Int32) async {
    await receive(from: connection)
    let bytes = Array(response.utf8)
    _ = bytes.withUnsafeBytes { kernel.send($0, to: connection) }
  }

  /// Receives a request, and closes the connection.
  func close(_ connection: Int32) async {
    await receive(from: connection)
    connections.remove(connection)
    kernel.close(connection)
  }

  private func receive(from connection: Int32) async {
    var buffer = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<6000 {
      let result = buffer.withUnsafeMutableBytes { kernel.receive(from: connection, into: $0) }
      guard case .wouldBlock = result else { return }
      await Self.pause()
    }
  }

  /// Leaves the thread to others meanwhile.
  private static func pause() async { try? await Task.sleep(for: .milliseconds(5)) }
}
