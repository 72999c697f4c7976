internal import Replicate
internal import Store

extension JobToken {
  /// By the key that the database holds, which gets one where it has none.
  init(keptBy writer: StoreWriter) throws(StoreError) {
    let fresh = Self.makeKey()
    self.init(
      key: try writer.commit { (transaction) throws(StoreError) in
        try transaction.key(Self.keyName, orStore: fresh)
      })
  }
}
