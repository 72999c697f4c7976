import ClientAddress
import Glibc
import Simulation
import Testing

/// The bytes that the C library parses.
///
/// Nil if it rejects the text.
private func bytesByLibrary(_ text: String) -> [UInt8]? {
  var bytes = [UInt8](repeating: 0, count: 16)
  if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
  guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
  return bytes.starts(with: mappedPrefix) ? Array(bytes.suffix(4)) : bytes
}

private func textByLibrary(_ bytes: [UInt8]) -> String {
  var text = [CChar](repeating: 0, count: 64)
  _ = inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private let mappedPrefix: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

/// A text and its canonical form; nil if it is no address.
private let texts: [(String, String?)] = [
  ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
  ("192.0.2.01", nil), ("192.0.2.00", nil), ("0300.0.2.1", nil), ("0xC0.0.2.1", nil), ("192.0.2", nil),
  ("192.0.513", nil), ("3221225985", nil), ("192.0.2.256", nil), ("192.0.2.1000", nil), ("192.0.2.1.", nil),
  (".192.0.2.1", nil), ("192..0.2.1", nil), ("192.0.2.1.5", nil), (" 192.0.2.1", nil), ("192.0.2.1 ", nil),
  ("192.0.2.+1", nil), ("192.0.2.-1", nil), ("192.0.2.1\u{0}", nil), ("192.0.2.1\n", nil),
  ("١٩٢.0.2.1", nil), ("", nil), (".", nil), ("...", nil), ("192.0.2.1/32", nil), ("192.0.2.1:80", nil),
  ("4294967296.0.0.1", nil), ("99999999999999999999.0.0.1", nil),

  ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:db8::1", "2001:db8::1"),
  ("2001:DB8:0:0:0:0:0:A", "2001:db8::a"), ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
  ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
  ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
  ("1:0:0:4:0:0:0:8", "1:0:0:4::8"), ("1:0:0:4:5:0:0:8", "1::4:5:0:0:8"), ("0:0:3::", "0:0:3::"),
  ("fe80::1%eth0", nil), ("fe80::1%1", nil), ("[::1]", nil), ("1:2:3:4:5:6:7", nil),
  ("1:2:3:4:5:6:7:8:9", nil), ("1:2:3:4::5:6:7:8", nil), ("1::2::3", nil), (":::", nil), ("1:::2", nil),
  (":1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:", nil), ("1::2:", nil), (":", nil), ("::12345", nil),
  ("::g", nil), ("::-1", nil), ("::1 ", nil), ("::1/128", nil), ("1:2:3:4:5:6:7:8::", nil),
  ("::1:2:3:4:5:6:7:8", nil),

  ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
  ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
  ("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"), ("::ffff:0:0", "0.0.0.0"),
  ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::192.0.2.1", "::c000:201"),
  ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"), ("1:2:3:4:5:6:7:192.0.2.1", nil),
  ("1:2:3:4:5:192.0.2.1", nil), ("::ffff:192.0.2.01", nil), ("::ffff:192.0.2", nil),
  ("::192.0.2.1:1", nil), ("192.0.2.1::", nil), ("::ffff:192.0.2.1.1", nil),
  ("1::2:3:4:5:6:192.0.2.1", nil), ("1::3:4:5:6:192.0.2.1", "1:0:3:4:5:6:c000:201"),
]

@Suite struct IPAddressTests {
  @Test(arguments: texts)
  func aTextIsOneAddressOrNone(_ text: String, _ canonical: String?) {
    #expect(IPAddress(text)?.description == canonical)
    #expect(IPAddress(Array(text.utf8).span)?.description == canonical)
  }

  /// Texts with a zero byte.
  ///
  /// The library cannot parse them, because a C string ends there.
  @Test(arguments: texts.map(\.0).filter { !$0.contains("\u{0}") })
  func theLibraryReadsTheSame(_ text: String) {
    #expect(IPAddress(text)?.bytes == bytesByLibrary(text))
  }

  @Test func aClientHasOneIdentityOnBothKindsOfSocket() throws {
    let plain = IPAddress(ipv4: 0xC000_0201)
    #expect(plain == IPAddress("192.0.2.1") && plain == IPAddress("::ffff:192.0.2.1"))
    #expect(plain == IPAddress(ipv6: 0xFFFF_C000_0201))
    #expect(plain == IPAddress(networkOrder: [192, 0, 2, 1].span))
    #expect(plain == IPAddress(networkOrder: (mappedPrefix + [192, 0, 2, 1]).span))
    #expect(plain.isIPv4 && plain.bytes == [192, 0, 2, 1])
    #expect(plain != IPAddress("::192.0.2.1"))
  }

  @Test(arguments: [0, 1, 3, 5, 15, 17, 32])
  func anAddressHasFourBytesOrSixteen(_ count: Int) {
    #expect(IPAddress(networkOrder: [UInt8](repeating: 1, count: count).span) == nil)
  }

  @Test(arguments: [UInt64](1...4))
  func randomAddressesAreWrittenLikeTheLibraryDoes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<5000 {
      let isIPv4 = generator.happens(onceIn: 4)
      // Half of the groups are zero, so that runs of all lengths occur.
      let bytes: [UInt8] =
        isIPv4
        ? (0..<4).map { _ in .random(in: 0...255, using: &generator) }
        : (0..<8).flatMap { _ -> [UInt8] in
          let group: UInt16 = generator.happens(onceIn: 2) ? 0 : .random(in: 0...0xFFFF, using: &generator)
          return [UInt8(group >> 8), UInt8(group & 0xFF)]
        }
      let address = IPAddress(networkOrder: bytes.span)
      #expect(address?.bytes == bytes, "seed \(seed)")
      let text = address?.description ?? ""
      #expect(bytesByLibrary(text) == bytes && IPAddress(text) == address, "seed \(seed): \(text)")
      // The library prints the long-deprecated ::a.b.c.d with decimals (RFC 4291 section 2.5.5.1).
      guard isIPv4 || !bytes.starts(with: [UInt8](repeating: 0, count: 12)) else { continue }
      #expect(text == textByLibrary(bytes), "seed \(seed)")
    }
  }

  @Test(arguments: [UInt64](1...4))
  func randomTextsAreReadLikeTheLibraryDoes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let valid = texts.filter { $0.1 != nil }.map { Array($0.0.utf8) }
    let alphabet = Array("0123456789abcdefABCDEFg:.:.:.%/ -+x".utf8)
    var accepted = 0
    for _ in 0..<20_000 {
      var text = valid.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0...text.count, using: &generator)
        let byte = alphabet.randomElement(using: &generator) ?? 0
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: text.insert(byte, at: index)
        case 1 where index < text.count: text.remove(at: index)
        case 2 where index < text.count: text[index] = byte
        default: break
        }
      }
      let string = String(decoding: text, as: UTF8.self)
      let address = IPAddress(string)
      accepted += address == nil ? 0 : 1
      #expect(address?.bytes == bytesByLibrary(string), "seed \(seed): \(string)")
    }
    // A generator of only rejected texts would prove little.
    #expect(accepted > 2000 && accepted < 18_000, "\(accepted)")
  }
}
