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
}
