internal import Foundation

/// The ports that a process listens on, from proc(5).
package enum ListeningPorts {
  /// The port of a listening TCP socket of `process` on `host`.
  ///
  /// Nil if there is none.
  package static func port(of process: Int32, on host: String) -> Int? {
    var address = in_addr()
    guard inet_pton(AF_INET, host, &address) == 1 else { return nil }
    // In the byte order of the machine, as the table has it.
    let expected = String(format: "%08X:", address.s_addr)
    let sockets = Self.sockets(of: process)
    let table = (try? String(contentsOfFile: "/proc/\(process)/net/tcp", encoding: .utf8)) ?? ""
    for line in table.split(separator: "\n").dropFirst() {
      // 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 …
      let words = line.split(separator: " ")
      guard words.count > 9, words[3] == "0A", words[1].hasPrefix(expected),
        sockets.contains(String(words[9]))
      else { continue }
      return Int(words[1].dropFirst(expected.count), radix: 16)
    }
    return nil
  }

  /// The inodes of its sockets.
  private static func sockets(of process: Int32) -> Set<String> {
    let folder = "/proc/\(process)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(
      names.compactMap { name in
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
        guard let target, target.hasPrefix("socket:[") else { return nil }
        return String(target.dropFirst("socket:[".count).dropLast())
      })
  }
}
