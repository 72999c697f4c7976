@testable import GroupCommit
import Jobs
@testable import Ledger
import StoreSeam
import StoreFixture
@testable import System
import Testing
@testable import Time

/// What one group commit contains, and who receives its results.
@Suite(.everyStore) struct BatchTests {
  private let store: StoreUnderTest

  init() throws {
    store = try StoreUnderTest.ofEachKind()
  }

  private func delivery(_ number: Int, bodyBytes: Int = 2) -> StoreUnderTest.Command {
    .delivery(
      store.delivery("w\(number)", of: "p\(number)", body: String(repeating: "x", count: bodyBytes)))
  }

  private static func write(_ text: String) -> StoreUnderTest.Command {
    .write { (transaction) throws(StorageError) in
      _ = try transaction.key(text, orStore: [1])
      return text
    }
  }

  private static func sweep(_ text: String) -> StoreUnderTest.Command {
    .write { (transaction) throws(StorageError) in
      transaction.clampCheckTimes(from: Timestamp(milliseconds: 1))
      return text
    }
  }

  private static func rejected(_ text: String) -> StoreUnderTest.Command {
    .write { (_) throws(StorageError) in throw .rejected(text) }
  }

  /// A delivery's prediction, a write's value, or the failure's text.
  private func texts(_ batch: [StoreUnderTest.Command]) throws -> [String] {
    try store.commit(batch).map { outcome in
      switch outcome {
      case .recorded(let recording): recording.jobID
      case .wrote(let text): text
      case .failed(.unavailable(let error)): "\(error)"
      case .failed(.overloaded): "overloaded"
      }
    }
  }

  @Test func `deliveries and writes share a commit and each gets its own result`() throws {
    let batch = [delivery(0), Self.write("a"), delivery(1), Self.write("b"), Self.write("c"), delivery(2)]
    #expect(try texts(batch) == ["p0", "a", "p1", "b", "c", "p2"])
    #expect(store.commits == 1 && store.failures == 0)
    #expect(store.submissions == batch.count)
  }

  /// Every position of a batch, and any number of rejected commands.
  @Test(arguments: 1..<32)
  func `a rejected command fails no other`(_ rejected: Int) async throws {
    let batch = (0..<5).map { number in
      rejected & 1 << number != 0
        ? Self.rejected("no \(number)")
        : number.isMultiple(of: 2) ? delivery(number) : Self.write("w\(number)")
    }
    let expected = (0..<5).map { number in
      rejected & 1 << number != 0 ? "no \(number)" : number.isMultiple(of: 2) ? "p\(number)" : "w\(number)"
    }
    #expect(try texts(batch) == expected)
    let reader = try store.reader()
    var found: [Int] = []
    for number in 0..<5 where try await reader.job("p\(number)") != nil { found.append(number) }
    #expect(found == (0..<5).filter { $0.isMultiple(of: 2) && rejected & 1 << $0 == 0 })
    // What was committed was reported once.
    #expect(store.committed.joined().map(\.id).sorted() == found.map { "p\($0)" })
  }

  /// It would otherwise hold back the answers of those that were decided with it.
  @Test func `a sweep ends its batch and the rest follows in the next`() throws {
    let batch = [delivery(0), Self.sweep("s"), delivery(1), Self.sweep("t"), delivery(2), delivery(3)]
    #expect(try texts(batch) == ["p0", "s", "p1", "t", "p2", "p3"])
    #expect(store.commits == 3)
    #expect(store.submissions == batch.count)
    #expect(store.committed.map { $0.map(\.id) } == [["p0"], ["p1"], ["p2", "p3"]])
  }

  /// Both cut the batch, and neither is lost.
  @Test func `a sweep beside a rejected command loses no command`() throws {
    let batch = [
      delivery(0), Self.sweep("s"), delivery(1), Self.rejected("no"), delivery(2), Self.sweep("t"),
      delivery(3),
    ]
    #expect(try texts(batch) == ["p0", "s", "p1", "no", "p2", "t", "p3"])
    #expect(store.committed.joined().map(\.id) == ["p0", "p1", "p2", "p3"])
  }

  @Test func `a batch has at most 512 commands`() throws {
    let batch = (0..<1100).map { delivery($0) }
    #expect(try texts(batch).count == 1100)
    #expect(store.committed.map(\.count) == [512, 512, 76])
  }

  /// One body of any size is committed alone.
  @Test(
    arguments: [
      ([5 << 20, 5 << 20, 5 << 20, 5 << 20], [3, 1]), ([16 << 20, 1], [1, 1]),
      ([17 << 20, 17 << 20], [1, 1]),
      ([8 << 20, 8 << 20, 1], [2, 1]),
    ] as [([Int], [Int])])
  func `a batch has at most 16 MiB of bodies`(_ sizes: [Int], _ counts: [Int]) throws {
    #expect(Committer.maxBatchBytes == 16 << 20)
    let batch = sizes.enumerated().map { delivery($0.offset, bodyBytes: $0.element) }
    #expect(try texts(batch).count == sizes.count)
    #expect(store.committed.map(\.count) == counts)
  }

  /// A reader that is woken by the feed finds the change, and nobody was answered before it could.
  @Test func `changes are reported once, in order, before the submitters are resumed`() async throws {
    let batch: [StoreUnderTest.Command] = [
      Self.write("a"), Self.write("b"), delivery(0), .delivery(store.delivery("w9", of: "p0", .running)),
      delivery(1), .delivery(store.delivery("w1", of: "p1")),
    ]
    _ = try texts(batch)
    #expect(store.committed.map { $0.map(\.id) } == [["p0", "p1"]])
    #expect(store.answeredBefore == [0])
    let reader = try store.reader()
    let numbers = try #require(store.committed.first).map(\.change)
    #expect(try await [reader.job("p0")?.change, reader.job("p1")?.change] == numbers)
    #expect(numbers == numbers.sorted() && Set(numbers).count == 2)
    // A repeated delivery changes nothing that is shown.
    _ = try texts([.delivery(store.delivery("w1", of: "p1"))])
    #expect(store.committed.last == [])
  }

  @Test func `a full queue fails a submission at once`() {
    let queue = CommitQueue()
    for _ in 0..<CommitQueue.capacity {
      let submission = WorkSubmission(reading: .none, loop: nil, { _ in }, report: { _ in })
      #expect(queue.submissions.push(.command(submission)))
    }
    let result: StoreResult<Int> = queue.write { _ in 1 }
    guard case .failure(.overloaded) = result else {
      Issue.record("\(result)")
      return
    }
  }
}
