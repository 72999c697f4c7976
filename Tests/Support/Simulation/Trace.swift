/// A hash of all events and their order (FNV-1a).
///
/// Two runs with equal traces were equal.
package struct Trace: Hashable, Sendable {
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  package enum Call: UInt64, Sendable {
    case accept, receive, send, close, note
  }

  package init() {}

  package mutating func add(_ call: Call, _ what: UInt64, _ time: UInt64) {
    mix(call.rawValue)
    mix(what)
    mix(time)
  }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes { mix(UInt64(byte)) }
  }

  private mutating func mix(_ number: UInt64) {
    value = (value ^ number) &* 0x0000_0100_0000_01B3
  }
}
