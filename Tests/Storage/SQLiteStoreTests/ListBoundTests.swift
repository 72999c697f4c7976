import Jobs
import StoreSeam
import SQLiteStore
import StoreFixture
import Testing

/// Lists whose conditions are met by few of many jobs.
@Suite struct ListBoundTests {
  /// Sixty jobs of user 7, every twentieth with a second member and every fifteenth of another model.
  ///
  /// Those up to 30 are of the first half.
  private static func filled() throws -> (OrderedStore, SQLiteBackend) {
    let backend = try SQLiteBackend(isInMemory: true)
    let store = try OrderedStore(on: backend)
    for number in 1...60 {
      let isRare = number.isMultiple(of: 20)
      try store.place(
        "j\(number)",
        [("user", "7"), ("half", number > 30 ? "2" : "1")] + (isRare ? [("rare", "x")] : []),
        model: number.isMultiple(of: 15) ? "a/rare" : "a/b")
    }
    return (store, backend)
  }

  private static func member(_ key: String, _ value: String) -> MetadataMember {
    MetadataMember(key: key, value: value)
  }

  /// The ids of each page.
  private func pages(
    _ reader: SQLiteReader, _ filter: JobFilter, limit: Int
  ) throws -> [[String]] {
    var (pages, before): ([[String]], Int64?) = ([], nil)
    repeat {
      let page = try reader.jobs(matching: filter, before: before, limit: limit)
      pages.append(page.jobs.map(\.id))
      before = page.next
    } while before != nil
    return pages
  }

  @Test(arguments: [1, 7, 59, 60, 61])
  func `a page ends after so many jobs, and the pages have all`(_ maxExamined: Int) throws {
    let (store, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: maxExamined)
    for number in 1...30 where !number.isMultiple(of: 5) {
      try store.deliver("w\(number)", of: "p\(number)", .failed, naming: "j\(number)")
    }
    let filter = JobFilter(state: .pending, model: "a/b", metadata: [Self.member("half", "1")])
    for limit in [1, 2, 100] {
      let pages = try pages(reader, filter, limit: limit)
      #expect(pages.flatMap(\.self) == ["j25", "j20", "j10", "j5"])
      #expect(pages.count <= 60 / maxExamined + 5 && pages.allSatisfy { $0.count <= limit })
      // The members of the half are fewer than those of the model or the state.
      if maxExamined == 7, limit == 100 { #expect(pages.count > 1) }
    }
  }

  /// The same, where each condition is searched through.
  @Test(arguments: [
    JobFilter(state: .succeeded), JobFilter(state: .stale), JobFilter(state: .pending),
    JobFilter(state: .pending, model: "a/b"), JobFilter(state: .succeeded, model: "a/b"),
    JobFilter(state: .failed, model: "a/b", minNumber: 20), JobFilter(state: .canceled, model: "a/b"),
  ])
  func `a page with few matches ends early under each filter`(_ filter: JobFilter) throws {
    let (store, backend) = try Self.filled()
    for number in 1...50 {
      let phase: Phase = number % 7 == 0 ? .succeeded : number % 2 == 0 ? .failed : .canceled
      try store.deliver("w\(number)", of: "p\(number)", phase, naming: "j\(number)")
    }
    store.advance(OrderedStore.aWhile)
    let whole = try pages(try SQLiteReader(path: backend.path), filter, limit: 100)
    #expect(whole.count == 1)
    for limit in [1, 3, 100] {
      let pages = try pages(try SQLiteReader(path: backend.path, maxExamined: 4), filter, limit: limit)
      #expect(pages.flatMap(\.self) == whole[0])
      #expect(pages.count > 1)
    }
  }

  /// The jobs of the rarer member are searched, so that none is passed over.
  @Test(arguments: [["user", "rare"], ["rare", "user"]])
  func `the member of few jobs is searched`(_ keys: [String]) throws {
    let (_, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: 10)
    let members = keys.map { Self.member($0, $0 == "user" ? "7" : "x") }
    #expect(try pages(reader, JobFilter(metadata: members), limit: 100) == [["j60", "j40", "j20"]])
  }

  @Test func `one condition needs no bound`() throws {
    let (_, backend) = try Self.filled()
    let reader = try SQLiteReader(path: backend.path, maxExamined: 1)
    #expect(
      try pages(reader, JobFilter(metadata: [Self.member("user", "7")]), limit: 30).map(\.count) == [30, 30])
    let ids = JobFilter(metadata: [Self.member("user", "7")], ids: ["j1", "j2", "none"])
    #expect(try pages(reader, ids, limit: 30) == [["j2", "j1"]])
  }
}
