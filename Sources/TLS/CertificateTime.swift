internal import COpenSSL
internal import Glibc

/// Times of certificates, converted to seconds since 1970.
enum CertificateTime {
  /// Nil if the certificate's time is invalid.
  static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = tm()
    guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
  }

  /// Formats a time (RFC 3339).
  static func text(of time: Int64) -> String {
    var seconds = time_t(time)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "\(time)" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard let start = buffer.baseAddress,
        strftime(start, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0
      else { return "\(time)" }
      return String(cString: start)
    }
  }
}
