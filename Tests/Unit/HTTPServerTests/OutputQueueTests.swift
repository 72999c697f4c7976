import Testing

@testable import HTTPServer

@Suite struct OutputQueueTests {
  @Test func bytesLeaveInOrderAndFreeMemoryAsTheyGo() {
    var queue = OutputQueue()
    let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 / 1000) }
    queue.append(bytes)
    queue.append([1, 2, 3])
    var left: [UInt8] = []
    while queue.count > 0 {
      let piece = queue.prefix(60_000)
      left += piece
      queue.removeFirst(piece.count)
      // Half of the removed bytes, and a piece below the threshold.
      #expect(queue.heldBytes <= 2 * queue.count + 256 * 1024)
    }
    #expect(left == bytes + [1, 2, 3] && queue.heldBytes == 0)
  }
}
