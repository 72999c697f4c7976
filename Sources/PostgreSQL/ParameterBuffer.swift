internal import CPostgreSQL
internal import Glibc

/// The parameters of one statement in binary format.
///
/// The next statement reuses the memory. libpq copies them into its send buffer, so they are needed only
/// during one call.
struct ParameterBuffer: ~Copyable {
  /// PostgreSQL's own limit of one value (https://www.postgresql.org/docs/current/limits.html).
  private static let maxBytes = 1 << 30
  /// Memory that is kept for the next statement.
  private static let keptCapacity = 1 << 20
  private static let nullOffset = -1

  private var start: UnsafeMutableRawPointer
  private var capacity: Int
  private var count = 0
  private var offsets: [Int] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []
  private(set) var types: [Oid] = []

  init() {
    capacity = 4096
    start = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { start.deallocate() }

  /// Replaces the parameters.
  ///
  /// - Returns: false if they exceed 1 GiB.
  mutating func set(_ parameters: [Parameter]) -> Bool {
    clear()
    for parameter in parameters {
      let offset = count
      guard append(parameter) else { return false }
      types.append(parameter.type)
      if case .null = parameter {
        offsets.append(Self.nullOffset)
      } else {
        offsets.append(offset)
      }
      lengths.append(Int32(count - offset))
    }
    while formats.count < parameters.count { formats.append(1) }
    return true
  }

  /// Calls `body` with the arrays that libpq's send functions take.
  func withArguments<Result>(
    _ body: (
      _ count: Int32, _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
      _ formats: UnsafePointer<Int32>?
    ) -> Result
  ) -> Result {
    withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: offsets.count) { values in
      for (index, offset) in offsets.enumerated() {
        values.initializeElement(
          at: index,
          to: offset == Self.nullOffset
            ? nil : UnsafePointer((start + offset).assumingMemoryBound(to: CChar.self)))
      }
      return lengths.withUnsafeBufferPointer { lengths in
        formats.withUnsafeBufferPointer { formats in
          body(
            Int32(offsets.count), UnsafePointer(values.baseAddress), lengths.baseAddress, formats.baseAddress)
        }
      }
    }
  }

  private mutating func clear() {
    count = 0
    offsets.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    guard capacity > Self.keptCapacity else { return }
    start.deallocate()
    capacity = 4096
    start = .allocate(byteCount: capacity, alignment: 16)
  }

  private mutating func append(_ parameter: Parameter) -> Bool {
    switch parameter {
    case .null: return true
    case .integer(let value):
      guard reserve(8) else { return false }
      put(value)
    case .boolean(let value):
      guard reserve(1) else { return false }
      put(UInt8(value ? 1 : 0))
    case .text(let value):
      guard reserve(value.utf8.count) else { return false }
      put(value)
    case .bytes(let value):
      guard reserve(value.count) else { return false }
      put(value)
    case .integers(let values):
      return appendArray(values, of: TypeID.integer, size: { _ in 8 }, { $0.put($1) })
    case .booleans(let values):
      return appendArray(values, of: TypeID.boolean, size: { _ in 1 }, { $0.put(UInt8($1 ? 1 : 0)) })
    case .texts(let values):
      return appendArray(values, of: TypeID.text, size: { $0.utf8.count }, { $0.put($1) })
    case .byteArrays(let values):
      return appendArray(values, of: TypeID.bytes, size: { $0.count }, { $0.put($1) })
    }
    return true
  }

  /// Appends a one-dimensional array.
  ///
  /// It is a header, then each element's length, -1 for NULL, and its bytes: array_recv in
  /// src/backend/utils/adt/arrayfuncs.c. An array without elements has no dimension.
  private mutating func appendArray<Element>(
    _ elements: [Element?], of type: Oid, size: (Element) -> Int, _ put: (inout Self, Element) -> Void
  ) -> Bool {
    var byteCount = 20
    var hasNull = false
    for element in elements {
      if let element { byteCount += size(element) } else { hasNull = true }
      byteCount += 4
    }
    guard reserve(byteCount) else { return false }
    self.put(Int32(elements.isEmpty ? 0 : 1))
    self.put(Int32(hasNull ? 1 : 0))
    self.put(type)
    guard !elements.isEmpty else { return true }
    self.put(Int32(elements.count))
    self.put(Int32(1))  // The lower bound.
    for element in elements {
      if let element {
        self.put(Int32(size(element)))
        put(&self, element)
      } else {
        self.put(Int32(-1))
      }
    }
    return true
  }

  /// Makes room for `byteCount` more bytes.
  private mutating func reserve(_ byteCount: Int) -> Bool {
    guard byteCount <= Self.maxBytes - count else { return false }
    guard count + byteCount > capacity else { return true }
    let larger = max(2 * capacity, count + byteCount)
    let replacement = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    replacement.copyMemory(from: start, byteCount: count)
    start.deallocate()
    start = replacement
    capacity = larger
    return true
  }

  // Room for what these put is reserved before.

  private mutating func put(_ value: some FixedWidthInteger) {
    let bigEndian = value.bigEndian
    (start + count).storeBytes(of: bigEndian, as: type(of: bigEndian))
    count += MemoryLayout.size(ofValue: bigEndian)
  }

  private mutating func put(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { put($0) }
  }

  private mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
  }

  private mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    (start + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }
}
