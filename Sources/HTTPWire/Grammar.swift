internal import Bytes

extension UInt8 {
  /// `field-vchar`, space and tab. Bytes from 0x80 on are `obs-text`: opaque, but allowed.
  var isFieldValueCharacter: Bool { self >= 0x20 && self != 0x7F || self == .tab }
}
