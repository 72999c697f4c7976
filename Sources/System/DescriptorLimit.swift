internal import Glibc

/// How many descriptors this process may have.
package enum DescriptorLimit {
  /// Raises the soft limit as far as the hard one allows (getrlimit(2)): the soft one protects programs that use
  /// select(2), which this one does not.
  ///
  /// - Returns: how many it may have now.
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
