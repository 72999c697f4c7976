import Glibc
import Observability
import Testing

@testable import ProcessMetrics

/// What the kernel reports of a process.
@Suite struct ProcessUsageTests {
  /// `/proc/PID/stat` of a program with that name.
  private func stat(named name: String) -> String {
    "4711 (\(name)) S 1 4711 4711 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 12 0 98765 4096000 300 "
      + "18446744073709551615 1 1 0\n"
  }

  @Test(arguments: ["replicate-webhookd", "a b", "a) S 1 (b", "", ")"])
  func theNameOfTheProgramMayContainAnything(name: String) throws {
    let usage = try #require(ProcessUsage(stat(named: name), ticks: 100, pageBytes: 4096))
    #expect(usage.processorSeconds == 2)
    #expect(usage.threads == 12)
    #expect(usage.virtualBytes == 4_096_000)
    #expect(usage.residentBytes == 300 * 4096)
  }

  @Test(arguments: ["", "4711", "4711 (a) S 1 2 3", "4711 (a) " + String(repeating: "x ", count: 40)])
  func anotherFormatIsNotRead(text: String) {
    #expect(ProcessUsage(text) == nil)
  }

  @Test func processorTimeGrowsWithWork() throws {
    let before = try #require(ProcessFiles().usage)
    var sum = 0
    while try #require(ProcessFiles().usage).processorSeconds == before.processorSeconds {
      for number in 0..<10_000 { sum &+= number }
    }
    #expect(try #require(ProcessFiles().usage).processorSeconds > before.processorSeconds)
    #expect(before.residentBytes > 1_000_000)
    #expect(before.virtualBytes >= before.residentBytes)
    #expect(before.threads >= 1)
    withExtendedLifetime(sum) {}
  }

  /// Other tests open and close descriptors meanwhile, so many are opened.
  @Test func openDescriptorsAreCounted() throws {
    let before = try #require(ProcessFiles().openDescriptors)
    let opened = (0..<200).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
    defer { for descriptor in opened { close(descriptor) } }
    #expect(opened.allSatisfy { $0 >= 0 })
    let after = try #require(ProcessFiles().openDescriptors)
    #expect((100...300).contains(after - before))
    #expect(try #require(ProcessFiles.maxDescriptors) > after)
  }

  @Test func aProcessThatIsNotShownHasNoSamples() {
    let hidden = ProcessFiles(folder: "/nonexistent")
    #expect(hidden.usage == nil)
    #expect(hidden.openDescriptors == nil)
    let page = MetricsPage(ProcessMetrics.families(of: hidden, since: 7)).text
    let samples = page.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    #expect(samples.map { $0.split(separator: " ")[0] } == ["process_max_fds", "process_start_time_seconds"])
    #expect(samples.last == "process_start_time_seconds 7")
  }
}
