import Jobs
import Testing
@testable import Time

@Suite struct TimestampTests {
  @Test(arguments: [
    ("2025-06-08T12:06:20Z", 1_749_384_380_000),
    ("2025-06-08T12:06:20.3Z", 1_749_384_380_300),
    ("2025-06-08T12:06:20.38Z", 1_749_384_380_380),
    ("2025-06-08T12:06:15.127Z", 1_749_384_375_127),
    ("2025-06-08T12:06:20.3835Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.38358Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.383588Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.3835888Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.38358889Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.383588891Z", 1_749_384_380_383),
    ("2025-06-08T12:06:20.999999999Z", 1_749_384_380_999),
    ("2025-06-08T12:06:20+00:00", 1_749_384_380_000),
    ("2025-06-08T04:36:20-07:30", 1_749_384_380_000),
    ("2025-06-08t12:06:20z", 1_749_384_380_000),
    ("1970-01-01T00:00:00Z", 0),
    ("1969-12-31T23:59:59.999Z", -1),
    ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ("9999-12-31T23:59:59Z", 253_402_300_799_000),
  ])
  func parsesEveryFormThatReplicateWrites(_ text: String, _ milliseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "2025", "2025-06-08", "2025-06-08T12:06:20", "2025-06-08T12:06:20.Z",
    "2025-06-08T12:06:20.1234567890Z",
    "2025-02-29T00:00:00Z", "2025-04-31T00:00:00Z", "2025-00-10T00:00:00Z", "2025-13-10T00:00:00Z",
    "2025-06-00T00:00:00Z", "2025-06-08T24:00:00Z", "2025-06-08T12:60:00Z", "2025-06-08T12:06:61Z",
    "0000-01-01T00:00:00Z", "2025-06-08T12:06:20ZZ", " 2025-06-08T12:06:20Z", "2025-6-8T12:06:20Z",
    "2025-06-08T12:06:20+24:00", "2025-06-08T12:06:20+0000", "２025-06-08T12:06:20Z", "2025/06/08T12:06:20Z",
    "9999-12-31T23:59:00-00:01", "0001-01-01T00:00:00+00:01",
  ])
  func rejectsOtherText(_ text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  @Test func everyStrictPrefixIsRejected() {
    let text = "2025-06-08T12:06:20.383588891Z"
    for length in 0..<text.utf8.count {
      #expect(Timestamp(rfc3339: String(text.prefix(length))) == nil, "\(length) bytes")
    }
  }

  @Test func everyDayOfFourCenturiesRoundTrips() {
    let day: Int64 = 86_400_000
    for number in stride(from: -73_000, through: 73_000, by: 1) as StrideThrough<Int64> {
      let moment = Timestamp(milliseconds: number * day + 45_296_789)
      #expect(Timestamp(rfc3339: moment.rfc3339) == moment)
    }
  }

  @Test func aMomentOutsideTheYearsIsClamped() {
    #expect(Timestamp(milliseconds: .max).rfc3339 == "9999-12-31T23:59:59.999Z")
    #expect(Timestamp(milliseconds: .min).rfc3339 == "0001-01-01T00:00:00.000Z")
  }

  @Test func writesThreeFractionDigitsInUTC() {
    #expect(Timestamp(milliseconds: 1_749_384_380_007).rfc3339 == "2025-06-08T12:06:20.007Z")
    #expect(Timestamp(milliseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
  }
}
