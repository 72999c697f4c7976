@testable import Downloads
import FileServer
import Foundation
import Synchronization
import System
import Testing

/// Files within outputs.
@Suite struct DataFileTests {
  @Test(arguments: [
    ("data:image/png;base64,aGk=", "hi", "image/png", "output-0.png"),
    ("data:,a%00b", "a\0b", "text/plain; charset=us-ascii", "output-0.txt"),
    ("data:application/x-own,x", "x", "application/x-own", "output-0"),
  ])
  func `a URI becomes a file`(_ text: String, _ content: String, _ type: String, _ name: String) throws {
    let scenario = try Scenario()
    let file = try scenario.file(text)
    #expect(file.type.description == type && file.name == name && file.size == content.utf8.count)
    #expect(try scenario.content() == Array(content.utf8))
    #expect(scenario.names == ["17.0"])
  }

  @Test func `6 MiB are no problem`() throws {
    let scenario = try Scenario()
    let zeros = String(repeating: "AAAA", count: 2 << 20)
    let file = try scenario.file("data:application/octet-stream;base64,\(zeros)")
    #expect(file.size == 6 << 20)
    // head -c 6291456 /dev/zero | sha256sum
    #expect(file.sha256 == "b69dae56a14d1a8314ed40664c4033ea0a550eea2673e04df42a66ac6b9faf2c")
  }

  @Test func `a broken or too large one is final`() throws {
    let scenario = try Scenario()
    let broken = try scenario.failure("data:image/png;base64,a")
    #expect(broken.code == .badDataURI && broken.code.finality == .always)
    scenario.limits.maxBytes = 2
    #expect(try scenario.failure("data:,abc").code == .tooLarge)
    #expect(scenario.names == [])
  }
}
