import EventLoop
@testable import GroupCommit
import StoreSeam
import Synchronization
@testable import System
import Testing

/// The submission of writes from a loop.
@Suite struct RecorderTests {
  private let loop: EventLoop
  private let queue = CommitQueue()

  init() throws {
    loop = EventLoop(kernel: try LinuxKernel())
  }

  private static func write() -> WorkSubmission<Void> {
    WorkSubmission(reading: .none, loop: nil, { _ in }, report: { _ in })
  }

  /// Submits `count` in one turn. Returns how many were queued before the turn ended.
  private func submitted(_ count: Int) -> Int {
    let early = Count()
    loop.post { [loop, queue] in
      let recorder = Recorder(loop: loop, queue: queue)
      for _ in 0..<count { recorder.submit(.command(Self.write())) }
      early.value.store(queue.waiting, ordering: .relaxed)
    }
    // Posted work runs at the end of a turn; what it defers to a turn's end runs at the next.
    for _ in 0..<2 { loop.turn(waits: false) }
    return early.value.load(ordering: .relaxed)
  }

  private final class Count: Sendable {
    let value = Atomic(0)
  }

  /// One group commit for all.
  ///
  /// Otherwise the writer would begin with the first alone.
  @Test func `few submissions are queued at the end of the turn`() {
    #expect(submitted(31) == 0)
    #expect(queue.waiting == 31)
  }

  /// The writer begins while the loop goes on.
  @Test func `many submissions are queued in part before`() {
    #expect(submitted(70) == 64)
    #expect(queue.waiting == 6)
  }
}

extension CommitQueue {
  /// Takes the waiting submissions; returns their count.
  fileprivate var waiting: Int { submissions.popAll(timeout: .zero)?.count ?? 0 }
}
