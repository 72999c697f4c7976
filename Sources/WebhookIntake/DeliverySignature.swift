internal import HTTPWire
internal import Routing
internal import StandardWebhooks

extension Access<SignatureHeaders> {
  /// The checks of a delivery that need only its header section.
  ///
  /// A signature covers a body as it was sent, so a delivery has an uncompressed body. The body of an
  /// unsigned request is not worth reading.
  static var deliverySignature: Self {
    Self(.deliverySignature) { head throws(Problem) in
      guard head.bodyFraming != .none else {
        throw Problem(.lengthRequired, .lengthRequired, "a delivery has a body and declares its length")
      }
      try head.requireIdentityCoding()
      return try SignatureHeaders(of: head)
    }
  }
}

extension SignatureHeaders {
  /// The three fields of a request; each must be present once.
  fileprivate init(of head: RequestHead) throws(Problem) {
    self.init(
      id: try head.signatureField(Self.idName), timestamp: try head.signatureField(Self.timestampName),
      signature: try head.signatureField(Self.signatureName))
  }
}

extension RequestHead {
  fileprivate func signatureField(_ name: String) throws(Problem) -> String {
    switch fields.single(name) {
    case .one(let value) where !value.isEmpty: return value
    case .one, .none: throw .unauthenticated(.missingSignature, "the request has no \(name)")
    case .repeated: throw .unauthenticated(.missingSignature, "the request has more than one \(name)")
    }
  }
}
