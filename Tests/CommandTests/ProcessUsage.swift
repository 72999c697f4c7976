import Foundation
import Testing

/// What a process holds, as the kernel tells it (proc(5)).
struct ProcessUsage {
  let descriptors: Int
  let residentKilobytes: Int

  init(of processID: Int32) throws {
    descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").count
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    residentKilobytes = try #require(Int(line.split(whereSeparator: \.isWhitespace)[1]))
  }

  /// The usage as soon as one figure is low enough, or after half a minute.
  static func of(
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
