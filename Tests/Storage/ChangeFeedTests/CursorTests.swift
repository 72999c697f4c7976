import StoreSeam
import Testing

@testable import ChangeFeed

@Suite struct CursorTests {
  @Test(arguments: [
    ("0.ab12", Int64(0), "ab12", Int64(0)),
    ("17.00ff00ff00ff", 17, "00ff00ff00ff", 17),
    ("3.ab.9", 3, "ab", 9),
    ("9223372036854775807.ab", .max, "ab", .max),
  ])
  func `a cursor is read as it is printed`(_ text: String, _ number: Int64, _ epoch: String, _ start: Int64)
    throws
  {
    let cursor = try #require(Cursor(text))
    #expect(cursor == Cursor(number: number, epoch: epoch, start: start))
    #expect(cursor.text == text)
  }

  @Test(arguments: [
    "", ".", "1", "1.", ".ab", "01.ab", "+1.ab", "-1.ab", " 1.ab", "1.ab ", "1.AB", "1.xy", "1..2", "1.ab.",
    "1.ab.1", "2.ab.1", "1.ab.02", "1.ab.2.3", "9223372036854775808.ab", "99999999999999999999.ab", "1.ab\n",
    "1.ab\u{0}", "１.ab", "1.0123456789abcdef012345678", "1.é", "*",
  ])
  func `any other text is no cursor`(_ text: String) {
    #expect(Cursor(text) == nil)
  }

  @Test func `a long text is no cursor`() {
    #expect(Cursor(String(repeating: "1", count: 100_000)) == nil)
  }

  @Test func `the longest cursor is within the bound`() {
    let epoch = String(repeating: "f", count: Cursor.maxEpochBytes)
    let cursor = Cursor(number: .max - 1, epoch: epoch, start: .max)
    #expect(cursor.text.utf8.count <= Cursor.maxBytes)
    #expect(Cursor(cursor.text) == cursor)
  }

  @Test(arguments: [
    ("10.ab", nil),
    ("100.ab", nil),
    ("9.ab", CursorRefusal.tooOld),
    ("0.ab", .tooOld),
    ("0.ab.10", nil),
    ("0.ab.9", .tooOld),
    ("101.ab", .inFuture),
    ("50.ab.101", .inFuture),
    ("50.cd", .otherStore),
    ("5.cd", .otherStore),
    ("500.cd", .otherStore),
  ])
  func `a store refuses cursors that it cannot answer`(_ text: String, _ refusal: CursorRefusal?) throws {
    let position = FeedPosition(epoch: "ab", lastChange: 100, oldestChange: 10)
    #expect(try #require(Cursor(text)).refusal(at: position) == refusal)
  }
}
