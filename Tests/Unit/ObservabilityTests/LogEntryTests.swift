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
  private func line(
    _ entry: LogEntry, _ format: LogFormat, level: Logger.Level = .info, hasPriorities: Bool = false
  )
    throws -> String
  {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = try LogSink(format: format, descriptor: ends[1], hasPriorities: hasPriorities)
    let handler = LineLogHandler(level: level, sink: sink)
    Logger(label: "test") { _ in handler }.log(entry)
    #expect(sink.close())
    close(ends[1])
    var bytes = [UInt8](repeating: 0, count: 1000)
    let count = read(ends[0], &bytes, bytes.count)
    close(ends[0])
    let written = String(decoding: bytes.prefix(count), as: UTF8.self)
    let priority = written.hasPrefix("<") ? String(written.prefix(3)) : ""
    return priority + written.drop { $0 != "Z" }.dropFirst()
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

  /// The priorities are those of syslog(3), as sd-daemon(3) has them.
  @Test(arguments: [
    (Logger.Level.error, "<3>"), (.warning, "<4>"), (.notice, "<5>"), (.info, "<6>"), (.debug, "<7>"),
  ])
  func `a line for the journal begins with its priority`(_ level: Logger.Level, _ prefix: String) throws {
    let entry = LogEntry(level, "something")
    for format in LogFormat.allCases {
      let line = try line(entry, format, level: .debug, hasPriorities: true)
      #expect(line.hasPrefix(prefix) && line.contains("something"), "\(line)")
      #expect(try !self.line(entry, format, level: .debug).hasPrefix("<"))
    }
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
