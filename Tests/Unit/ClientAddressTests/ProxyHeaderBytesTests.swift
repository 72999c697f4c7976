import ClientAddress
import Simulation
import Testing

/// Properties of arbitrary bytes, however they are split.
@Suite struct ProxyHeaderBytesTests {
  /// The result for all bytes at once.
  private static func outcome(_ bytes: [UInt8]) -> Result<ProxyHeader?, ProxyHeaderError> {
    do throws(ProxyHeaderError) { return .success(try ProxyHeader.parse(bytes.span)) } catch {
      return .failure(error)
    }
  }

  static let headers: [[UInt8]] =
    ProxyLineTests.accepted.map { Array("\($0.0)\r\n".utf8) } + ProxyBlockTests.accepted.map(\.1)

  @Test(arguments: headers)
  func everyPrefixIsIncomplete(_ header: [UInt8]) throws {
    for length in 0..<header.count {
      #expect(try ProxyHeader.parse(header.span.extracting(first: length)) == nil, "\(length) bytes")
    }
    #expect(try ProxyHeader.parse(header.span) != nil)
  }

  /// A decision about a prefix is final.
  ///
  /// Every split gives the same result, at the same byte.
  private static func isTheSameHoweverCut(_ bytes: [UInt8]) -> Bool {
    let whole = outcome(bytes)
    for length in 0..<bytes.count {
      let part = outcome(Array(bytes.prefix(length)))
      if part == .success(nil) {
        guard length <= ProxyHeader.maxBytes else { return false }
      } else if part != whole {
        return false
      }
    }
    return true
  }

  @Test(arguments: headers)
  func everySplitHasTheSameEnd(_ header: [UInt8]) {
    #expect(Self.isTheSameHoweverCut(header + Array("GET / HTTP/1.1\r\n".utf8)))
  }

  /// A change is rejected, makes the header incomplete, or changes the source.
  ///
  /// The exceptions are the unused parts: the destination, the text after UNKNOWN, and the case of
  /// hexadecimal digits.
  @Test(arguments: 0..<ProxyLineTests.accepted.count)
  func everyChangedByteOfALineIsSeen(_ row: Int) throws {
    let (line, source) = ProxyLineTests.accepted[row]
    let bytes = Array("\(line)\r\n".utf8)
    let original = try #require(try ProxyHeader.parse(bytes.span))
    let spaces = bytes.indices.filter { bytes[$0] == UInt8(ascii: " ") }
    for index in bytes.indices {
      for value in UInt8.min...UInt8.max where value != bytes[index] {
        var changed = bytes
        changed[index] = value
        guard case .success(let header?) = Self.outcome(changed), header == original else { continue }
        let isIgnored =
          source == nil
          ? index > 12
          : index > spaces[2] && index < spaces[3] || index > spaces[4] && index < bytes.count - 2
        #expect(isIgnored || value ^ bytes[index] == 0x20, "byte \(index) as \(value)")
      }
    }
  }

  @Test(arguments: headers)
  func changedBytesHaveOneEndHoweverTheyAreCut(_ header: [UInt8]) {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<60 {
      var changed = header
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let index = Int.random(in: 0..<changed.count, using: &generator)
        changed[index] = .random(in: 0...255, using: &generator)
      }
      #expect(Self.isTheSameHoweverCut(changed), "\(changed)")
    }
  }

  /// Random bytes, mostly after a valid start, to reach the later rules.
  @Test(arguments: [UInt64](1...8))
  func randomBytesNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let starts: [[UInt8]] = [
      [], Array("PROXY ".utf8), Array("PROXY TCP4 ".utf8), Array("PROXY TCP6 ".utf8), ProxyBlocks.signature,
      ProxyBlocks.signature + [0x21, 0x11, 0], ProxyBlocks.signature + [0x21, 0x21, 0],
      ProxyBlocks.signature + [0x21, 0x31, 1], ProxyBlocks.signature + [0x21],
    ]
    let alphabet = Array("0123456789.:abf  \r\n".utf8)
    var (headers, errors) = (0, Set<ProxyHeaderError>())
    for _ in 0..<25_000 {
      let isText = generator.happens(onceIn: 2)
      var bytes = starts.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 0...80, using: &generator) {
        bytes.append(
          isText
            ? alphabet.randomElement(using: &generator) ?? 0 : .random(in: 0...255, using: &generator))
      }
      switch Self.outcome(bytes) {
      case .success(let header?):
        headers += 1
        #expect(header.byteCount <= min(bytes.count, ProxyHeader.maxBytes), "seed \(seed)")
      case .success(nil): #expect(bytes.count < ProxyHeader.maxBytes, "seed \(seed)")
      case .failure(let error): errors.insert(error)
      }
    }
    #expect(headers > 0 && errors.count > 10, "seed \(seed): \(headers), \(errors)")
  }

  @Test func everyErrorExplainsItself() {
    let explanations = ProxyHeaderError.allCases.map(\.explanation)
    #expect(Set(explanations).count == explanations.count)
    #expect(explanations.allSatisfy { $0.utf8.count > 20 })
  }
}
