/// Generated ids of jobs, where the app chose none.
package enum JobID {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
  /// 130 random bits, so that ids do not collide.
  private static let length = 26

  package static func make(using generator: inout some RandomNumberGenerator) -> String {
    String(
      decoding: (0..<length).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] },
      as: UTF8.self)
  }
}
