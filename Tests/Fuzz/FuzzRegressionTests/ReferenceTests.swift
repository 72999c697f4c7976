import FuzzTargets
import Testing

/// The reference implementation of signatures against published vectors.
@Suite struct ReferenceTests {
  /// RFC 4231 sections 4.2, 4.3, 4.4 and 4.7: short and long keys.
  @Test(
    arguments: [
      (
        Array(repeating: 0x0B, count: 20), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        Array(repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
    ] as [([UInt8], String, String)])
  func theReferenceMACIsHMACSHA256(_ key: [UInt8], _ message: String, _ expected: String) {
    let mac = ReferenceHMAC.authenticate(Array(message.utf8), key: key)
    #expect(mac.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
  }
}
