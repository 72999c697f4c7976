/// The sockets that a loop watches, by token.
///
/// A token is a slot and a generation. Slots are reused after a close, tokens never are, so that a late event
/// of a closed socket matches nothing.
struct Registrations {
  private var slots: [(generation: UInt32, handle: WaitHandle?)] = []
  private var free: [UInt32] = []

  mutating func insert(_ handle: WaitHandle) -> UInt64 {
    if let slot = free.popLast() {
      assert(slots[Int(slot)].handle == nil, "two sockets share a slot")
      slots[Int(slot)].handle = handle
      return Self.token(slot: slot, generation: slots[Int(slot)].generation)
    }
    slots.append((generation: 0, handle: handle))
    return Self.token(slot: UInt32(slots.count - 1), generation: 0)
  }

  mutating func remove(_ token: UInt64) {
    guard self[token] != nil else { return }
    let slot = UInt32(truncatingIfNeeded: token)
    slots[Int(slot)].handle = nil
    slots[Int(slot)].generation &+= 1
    free.append(slot)
  }

  subscript(token: UInt64) -> WaitHandle? {
    let slot = Int(UInt32(truncatingIfNeeded: token))
    guard slot < slots.count, slots[slot].generation == UInt32(truncatingIfNeeded: token >> 32) else {
      return nil
    }
    return slots[slot].handle
  }

  private static func token(slot: UInt32, generation: UInt32) -> UInt64 {
    UInt64(generation) << 32 | UInt64(slot)
  }
}
