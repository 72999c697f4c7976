package import Bytes

extension PercentEncoding {
  /// `?name=value&…` of the parameters with a value; empty if none has.
  package static func query(_ parameters: [(name: String, value: String?)]) -> String {
    let pairs = parameters.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }
}
