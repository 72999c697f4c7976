import Downloads
import Testing

@testable import KeptFiles

/// Which strings of an output are files.
@Suite struct OutputFilesTests {
  private func files(_ output: String) -> OutputFiles {
    OutputFiles(in: Array(#"{"id":"p","output":\#(output)}"#.utf8), of: SourceRules())
  }

  private func url(_ name: String) -> String { "https://replicate.delivery/x/\(name)" }

  @Test func `files are listed in the order of the document`() {
    let output = """
      {"a~/b":"\(url("0"))","n":[1,"text",["\(url("1"))"]],"o":{"p":"\(url("2"))"}}
      """
    #expect(files(output).files.map(\.at) == ["/output/a~0~1b", "/output/n/2/0", "/output/o/p"])
  }

  @Test func `a string that is a URL is a file`() {
    #expect(files("\"\(url("a"))\"").files == [OutputFiles.File(at: "/output", url: url("a"))])
    #expect(files(#""https:\/\/replicate.delivery\/x\/a""#).files.map(\.url) == [url("a")])
  }

  @Test(arguments: [
    "a picture: https://replicate.delivery/x/a.png", "http://169.254.169.254/",
    "https://replicate.delivery.evil.test/", "https://replicate.delivery@evil/", "https://[::1]/",
    "https://2130706433/", "http://replicate.delivery/x", "", "data", "data: none",
  ])
  func `other strings are text`(_ text: String) {
    #expect(files("[\"\(text)\"]").files.isEmpty)
  }

  @Test func `a data URI is a file that is found again in the output`() {
    let body = Array(#"{"output":{"x":["data:text/plain,hello%20there"]}}"#.utf8)
    let file = OutputFiles(in: body, of: SourceRules()).files.first
    #expect(file == OutputFiles.File(at: "/output/x/0", url: nil))
    #expect(OutputFiles.text(at: "/output/x/0", in: body) == "data:text/plain,hello%20there")
    #expect(OutputFiles.text(at: "/output/x/1", in: body) == nil)
    #expect(OutputFiles.text(at: "/output/y/0", in: body) == nil)
  }

  @Test(arguments: [32, 33]) func `files are found to a depth of 32`(_ depth: Int) {
    let nested =
      String(repeating: "[", count: depth) + "\"\(url("a"))\"" + String(repeating: "]", count: depth)
    #expect(files(nested).files.count == (depth == 32 ? 1 : 0))
  }

  @Test(arguments: [1024, 1025]) func `files are found behind pointers of 1 KiB`(_ bytes: Int) {
    let name = String(repeating: "n", count: bytes - "/output/".utf8.count)
    #expect(files("{\"\(name)\":\"\(url("a"))\"}").files.count == (bytes == 1024 ? 1 : 0))
  }

  @Test func `a long name is not copied for each element below it`() {
    let name = String(repeating: "n", count: 1 << 20)
    let elements = Array(repeating: "[]", count: 500_000).joined(separator: ",")
    let start = ContinuousClock.now
    #expect(files("{\"\(name)\":[\(elements)]}").files.isEmpty)
    // Else it copies 500 GB.
    #expect(start.duration(to: .now) < .seconds(10))
  }

  @Test(arguments: [1000, 1001]) func `an output has at most 1,000 files`(_ count: Int) {
    let list = (0..<count).map { "\"\(url("\($0)"))\"" }.joined(separator: ",")
    #expect(files("[\(list)]").files.count == (count == 1000 ? 1000 : 0))
    #expect(files("[\(list)]").isTooMany == (count > 1000))
  }
}
