internal import Glibc

/// The process's limit on open descriptors (RLIMIT_NOFILE).
package enum DescriptorLimit {
  /// Raises the soft limit to the hard limit (getrlimit(2)).
  ///
  /// The soft limit protects programs that use select(2), which this one does not.
  ///
  /// - Returns: the limit now in force.
  package static func raise() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    let soft = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return Int(clamping: soft)
    }
    return Int(clamping: limit.rlim_max)
  }
}
