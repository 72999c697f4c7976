import BlobStores
import Downloads
import KeptFiles
import StoreFixture
import Testing
import Time

/// Steps that are repeated: after commits whose answers were lost, and after claims that have expired.
@Suite(.everyStore) struct RepetitionTests {
  @Test(arguments: [true, false])
  func `a fetch that is recorded again keeps the file in the spool`(_ canStore: Bool) async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    try store.finish(claim, content: "pixels", canStore: canStore)
    #expect(try store.finish(claim, content: "pixels", canStore: canStore) == .spooled)
    let file = try #require(try await store.files(number).first)
    #expect(file.state == .fetched)
    let storing = try #require(try store.begin(file))
    #expect(try await store.blobs().map(\.refs) == [1])
    #expect(try store.finish(storing.file, .stored) == .stored)
  }

  @Test func `a fetch with other bytes than those in the spool is dropped`() async throws {
    let store = try KeptStore()
    try await store.end("p1")
    let claim = try #require(try store.claim().first)
    try store.finish(claim, content: "pixels")
    #expect(try store.finish(claim, content: "others") == .dropped)
  }

  @Test func `a file in flight is not claimed again when its claim has expired`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    store.advance(200_000)
    #expect(try store.claim(inFlight: [number: [claim.key]]).isEmpty)
    // Its claim was renewed, so no other process has it either.
    #expect(try store.claim().isEmpty)
    guard case .fetched = try store.finish(claim, content: "pixels") else {
      Issue.record("it was not recorded")
      return
    }
  }

  @Test func `an expired claim of a process that is gone is another's`() async throws {
    let store = try KeptStore()
    try await store.end("p1")
    #expect(try store.claim().count == 1)
    store.advance(200_000)
    #expect(try store.claim().count == 1)
  }
}
