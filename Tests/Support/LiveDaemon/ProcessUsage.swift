import Foundation

/// The resources that a process holds, from proc(5).
package struct ProcessUsage {
  package let descriptors: Int
  package let residentKilobytes: Int
  package let addressSpaceKilobytes: Int

  package init(of processID: Int32) throws {
    descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").count
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    residentKilobytes = try Self.kilobytes("VmRSS:", in: status)
    addressSpaceKilobytes = try Self.kilobytes("VmSize:", in: status)
  }

  private static func kilobytes(_ name: String, in status: String) throws -> Int {
    let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
    let words = line?.split(whereSeparator: \.isWhitespace) ?? []
    guard words.count > 1, let kilobytes = Int(words[1]) else { throw Unusable("the process has no \(name)") }
    return kilobytes
  }

  /// Waits until `figure` is low enough, for at most half a minute.
  package static func of(
    _ processID: Int32, onceIts figure: KeyPath<ProcessUsage, Int>, isAtMost bound: Int
  ) throws -> ProcessUsage {
    for _ in 0..<600 {
      let usage = try ProcessUsage(of: processID)
      if usage[keyPath: figure] <= bound { return usage }
      poll(nil, 0, 50)
    }
    return try ProcessUsage(of: processID)
  }
}
