internal import Bytes
internal import Glibc

/// The files in which the kernel describes a process (proc(5)).
struct ProcessFiles: Sendable {
  var folder = "/proc/self"

  /// Nil where the kernel does not show it.
  var usage: ProcessUsage? { Self.text(of: folder + "/stat").flatMap { ProcessUsage($0) } }

  /// The number of open descriptors.
  var openDescriptors: Int? {
    var status = stat()
    let path = folder + "/fd"
    // Since Linux 6.2 the size is the number, and nothing has to be listed.
    if stat(path, &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let entries = opendir(path) else { return nil }
    defer { closedir(entries) }
    // Neither `.` and `..`, nor the descriptor of this listing.
    var count = -3
    while readdir(entries) != nil { count += 1 }
    return count
  }

  /// The soft limit on open descriptors.
  static var maxDescriptors: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    return Int(clamping: limit.rlim_cur)
  }

  private static let maxFileBytes = 4096

  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: maxFileBytes)
    let count = read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}

/// What a process takes of processors and memory.
struct ProcessUsage: Equatable, Sendable {
  let processorSeconds: Double
  let threads: Int
  let virtualBytes: Int
  let residentBytes: Int

  /// Reads `/proc/PID/stat`, whose fields are counted in proc(5) from 1.
  ///
  /// - Parameters:
  ///   - ticks: of the clock, in a second.
  ///   - pageBytes: the size of a page.
  init?(
    _ stat: String, ticks: Int = sysconf(Int32(_SC_CLK_TCK)), pageBytes: Int = sysconf(Int32(_SC_PAGESIZE))
  ) {
    // The second field is the program's name, which may contain spaces and parentheses.
    guard let end = stat.lastIndex(of: ")"), ticks > 0 else { return nil }
    let fields = stat[stat.index(after: end)...].split { $0.isWhitespace }
    func field(_ number: Int) -> Int? {
      let index = number - 3
      return fields.indices.contains(index) ? Int(fields[index]) : nil
    }
    guard let user = field(14), let system = field(15), let threads = field(20),
      let virtualBytes = field(23), let residentPages = field(24)
    else { return nil }
    processorSeconds = (Double(user) + Double(system)) / Double(ticks)
    self.threads = threads
    self.virtualBytes = virtualBytes
    residentBytes = residentPages.multipliedReportingOverflow(by: pageBytes).partialValue
  }
}
