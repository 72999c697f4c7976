import COpenSSL
import Synchronization

/// Counts OpenSSL's allocations in this process: blocks and bytes.
enum AllocationCounter {
  static let blocks = Atomic<Int>(0)
  static let bytes = Atomic<Int>(0)
  /// The header before every block, which stores the block's size.
  ///
  /// 16 bytes keep the alignment of malloc.
  private static let head = 16

  /// False if OpenSSL has already allocated memory (CRYPTO_set_mem_functions(3)).
  static func install() -> Bool {
    CRYPTO_set_mem_functions(
      { count, _, _ in AllocationCounter.allocate(count) },
      { block, count, _, _ in
        guard let block else { return AllocationCounter.allocate(count) }
        guard let larger = AllocationCounter.allocate(count) else { return nil }
        larger.copyMemory(from: block, byteCount: min(count, AllocationCounter.size(of: block)))
        AllocationCounter.free(block)
        return larger
      },
      { block, _, _ in AllocationCounter.free(block) }) == 1
  }

  private static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
    let start = UnsafeMutableRawPointer.allocate(byteCount: count + head, alignment: head)
    start.storeBytes(of: count, as: Int.self)
    blocks.add(1, ordering: .relaxed)
    bytes.add(count, ordering: .relaxed)
    return start + head
  }

  private static func size(of block: UnsafeMutableRawPointer) -> Int {
    (block - head).load(as: Int.self)
  }

  private static func free(_ block: UnsafeMutableRawPointer?) {
    guard let block else { return }
    blocks.subtract(1, ordering: .relaxed)
    bytes.subtract(size(of: block), ordering: .relaxed)
    (block - head).deallocate()
  }
}
