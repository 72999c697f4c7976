import Testing

@testable import Proofs

/// The check of what streams have shown can fail.
@Suite struct StreamReadersTests {
  private func job(_ id: String, _ state: String = "succeeded", _ revision: Int = 3) -> [String: JobDocument]
  {
    [id: JobDocument(id: id, state: state, revision: revision)]
  }

  @Test func `readers that have the newest states are faultless`() {
    let violations = StreamReaders.violations(
      job("a"), mirror: job("a"), shown: job("a").values, ended: ["a"])
    #expect(violations.isEmpty)
  }

  @Test func `a missing, an old and a foreign state are found`() {
    func violations(
      mirror: [String: JobDocument], shown: [String: JobDocument] = [:], ended: Set<String> = []
    ) -> Int {
      StreamReaders.violations(job("a"), mirror: mirror, shown: shown.values, ended: ended).count
    }
    #expect(violations(mirror: [:]) == 1)
    #expect(violations(mirror: job("a", "running", 2)) == 1)
    #expect(violations(mirror: job("a").merging(job("b")) { $1 }) == 1)
    #expect(violations(mirror: job("a"), shown: job("a", "running", 2)) == 1)
    #expect(violations(mirror: job("a"), ended: ["b"]) == 1)
  }
}
