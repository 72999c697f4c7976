import Glibc
import Logging
@testable import Observability
import Testing

/// A log entry on its way from the logging interface to a line.
@Suite struct LogEntryTests {
  private static let entry = LogEntry(
    .warning, "something failed; trying again",
    [
      "count": .number(3), "cause": .text("no space"), "tls": .flag(true),
      "wait": .seconds(.milliseconds(1500)),
    ])

  /// The line of `entry`, without its time.
  private func line(_ entry: LogEntry, _ format: LogFormat, level: Logger.Level = .info) throws -> String {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = try LogSink(format: format, descriptor: ends[1])
    let handler = LineLogHandler(level: level, sink: sink)
    Logger(label: "test") { _ in handler }.log(entry)
    #expect(sink.close())
    close(ends[1])
    var bytes = [UInt8](repeating: 0, count: 1000)
    let count = read(ends[0], &bytes, bytes.count)
    close(ends[0])
    return String(String(decoding: bytes.prefix(count), as: UTF8.self).drop { $0 != "Z" }.dropFirst())
  }

  @Test func numbersAndFlagsStayWhatTheyAre() throws {
    #expect(
      try line(Self.entry, .json)
        == #"","level":"warning","message":"something failed; trying again","cause":"no space","#
        + #""count":3,"tls":true,"wait":1.5}"# + "\n")
    #expect(
      try line(Self.entry, .text)
        == #" warning something failed; trying again cause="no space" count=3 tls=true wait=1.5"# + "\n")
  }

  @Test func anEntryBelowTheLevelIsNotWritten() throws {
    #expect(try line(Self.entry, .text, level: .error).isEmpty)
  }

  @Test(arguments: [(Duration.seconds(10), "10"), (.milliseconds(250), "0.25"), (.zero, "0")])
  func durationsAreSeconds(_ duration: Duration, _ text: String) {
    #expect(LogValue.seconds(duration).description == text)
  }

  @Test func addedFieldsReplaceThoseOfTheirName() {
    let entry = Self.entry.adding(["count": .number(4), "more": .text("x")])
    #expect(entry.fields["count"] == .integer(4) && entry.fields["more"] == .text("x"))
    #expect(entry.fields.pairs.count == 5 && entry.message == Self.entry.message)
  }
}
