import Simulation

/// A chunked body, decoded by other code than the server's.
struct ChunkedText {
  private(set) var content: [UInt8] = []
  private(set) var chunkCount = 0
  /// What follows the body; nil while its last chunk has not come.
  private(set) var rest: [UInt8]?

  var text: String { String(decoding: content, as: UTF8.self) }
  var isComplete: Bool { rest != nil }

  /// - Parameter bytes: from the first chunk on.
  init(_ bytes: ArraySlice<UInt8>) {
    var bytes = bytes
    while let end = bytes.firstIndex(of: 0x0A),
      let size = Int(String(decoding: bytes[..<end].dropLast(), as: UTF8.self), radix: 16)
    {
      let data = bytes[(end + 1)...]
      guard data.count >= size + 2, data.dropFirst(size).starts(with: [0x0D, 0x0A]) else { return }
      guard size > 0 else {
        rest = Array(data.dropFirst(2))
        return
      }
      content += data.prefix(size)
      chunkCount += 1
      bytes = data.dropFirst(size + 2)
    }
  }
}

extension SimulatedPeer {
  /// The bytes after the first header section.
  var content: ArraySlice<UInt8> {
    let end = Array("\r\n\r\n".utf8)
    guard let start = received.indices.first(where: { received[$0...].starts(with: end) }) else { return [] }
    return received[(start + end.count)...]
  }

  /// The first response's chunks.
  var chunks: ChunkedText { ChunkedText(content) }
}
