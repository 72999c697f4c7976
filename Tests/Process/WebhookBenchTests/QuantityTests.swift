import Testing

@testable import webhook_bench

@Suite struct QuantityTests {
  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000")])
  func thousandsAreGrouped(_ number: Int, _ text: String) {
    #expect(Quantity.grouped(number) == text)
  }

  @Test(
    arguments: [
      (0, 2, "0.00"), (1.005, 1, "1.0"), (1.25, 1, "1.3"), (0.049, 2, "0.05"), (1999.996, 2, "2,000.00"),
      (-0.04, 1, "0.0"), (-1.5, 1, "-1.5"), (.nan, 1, "-"), (.infinity, 0, "-"),
    ] as [(Double, Int, String)])
  func decimalsAreRounded(_ number: Double, _ digits: Int, _ text: String) {
    #expect(Quantity.decimal(number, digits) == text)
  }

  @Test(
    arguments: [(999, "999 B"), (18_740, "18.7 KB"), (374_800_000, "374.8 MB"), (2.5e9, "2.50 GB")]
      as [(Double, String)])
  func bytesHaveUnits(_ count: Double, _ text: String) {
    #expect(Quantity.bytes(count) == text)
  }

  @Test func jsonIsEscaped() {
    let line = JSONLine.object([
      ("a", .string("q\"b\\n\n")), ("b", nil), ("c", .number(1234.5)), ("d", .boolean(true)),
      ("e", .integer(-1)),
    ])
    #expect(line.text == #"{"a":"q\"b\\n\u000a","c":1234.500000,"d":true,"e":-1}"#)
  }
}
