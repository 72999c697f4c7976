import Glibc

/// What a process has used so far, as /proc tells it (proc(5)).
struct ResourceUsage {
  /// User and system time of all its threads, in steps of a clock tick, which is 10 ms nearly everywhere.
  let cpuSeconds: Double
  /// Bytes that it caused to be sent to the disk; nil where the file may not be read.
  let writtenBytes: Int?
  /// The most memory that was resident at any time, in bytes.
  let peakMemory: Int?
  let residentMemory: Int?
  /// Of that, what is no page of a file: nobody else has it, and it cannot be dropped.
  let anonymousMemory: Int?

  /// Nil where there is no such process, or not the right to ask.
  init?(of process: pid_t) {
    guard let stat = SystemFile.text(of: "/proc/\(process)/stat"), let end = stat.lastIndex(of: ")") else {
      return nil
    }
    // The name may hold spaces; behind it the third field comes first.
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

  /// The number behind `name:`.
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
