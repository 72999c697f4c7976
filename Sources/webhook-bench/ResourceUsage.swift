import Glibc

/// A process's resource usage so far, from /proc (proc(5)).
struct ResourceUsage {
  /// User and system time of all threads.
  ///
  /// Its resolution is a clock tick, 10 ms nearly everywhere.
  let cpuSeconds: Double
  /// Bytes that the process caused to be written to disk. Nil without permission.
  let writtenBytes: Int?
  /// Peak resident memory, in bytes.
  let peakMemory: Int?
  let residentMemory: Int?
  /// Resident memory without pages of files: private, and not reclaimable.
  let anonymousMemory: Int?

  /// Nil without such a process, or without permission to read it.
  init?(of process: pid_t) {
    guard let stat = SystemFile.text(of: "/proc/\(process)/stat"), let end = stat.lastIndex(of: ")") else {
      return nil
    }
    // The name may contain spaces; the third field follows it.
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    cpuSeconds = (user + system) / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    writtenBytes = Self.value("write_bytes", in: "/proc/\(process)/io")
    peakMemory = Self.value("VmHWM", in: "/proc/\(process)/status").map { $0 * 1024 }
    residentMemory = Self.value("VmRSS", in: "/proc/\(process)/status").map { $0 * 1024 }
    anonymousMemory = Self.value("RssAnon", in: "/proc/\(process)/status").map { $0 * 1024 }
  }

  /// The number after `name:`.
  private static func value(_ name: String, in file: String) -> Int? {
    let line = SystemFile.text(of: file)?.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
  }

  /// User and system time of this process, in seconds.
  static var ownCPUSeconds: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let parts = [usage.ru_utime, usage.ru_stime]
    return parts.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
  }
}
