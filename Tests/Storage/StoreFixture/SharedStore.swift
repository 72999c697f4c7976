package import StoreSeam

/// A store of one process, as one that several share: it makes the rules think so.
package final class SharedStore: Store {
  private let store: any Store

  package init(_ store: any Store) { self.store = store }

  package var isShared: Bool { true }

  package func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    try store.commit(reading: keys, decide)
  }

  package func probe(room: Int) throws(StorageError) { try store.probe(room: room) }
  package func maintain() throws(StorageError) { try store.maintain() }
  package func finish() throws(StorageError) { try store.finish() }
}

extension OrderedStore {
  /// Two processes that share one store.
  package static func pair() throws -> (OrderedStore, OrderedStore) {
    let backend = try StoreKind.current.makeBackend()
    let store = try backend.open(tables: [])
    // A store that no other process can open is one object for both.
    let (one, other): (any Store, any Store) =
      store.isShared
      ? (store, try backend.open(tables: [])) : (SharedStore(store), SharedStore(store))
    return (
      try OrderedStore(on: backend, opened: one, owner: "one"),
      try OrderedStore(on: backend, opened: other, owner: "other")
    )
  }
}
