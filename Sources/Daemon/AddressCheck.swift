internal import EventLoop
package import Settings
internal import System

extension Settings {
  /// What would keep a daemon from listening now. Sockets that systemd hands over are not there to be looked at.
  package var addressProblems: [StartError] {
    let api = sharesListener ? [] : apiAddresses.map { ("API_LISTEN", $0) }
    return (webhookAddresses.map { ("WEBHOOK_LISTEN", $0) } + api).compactMap { variable, listen in
      guard case .bind(let address, _) = listen.place else { return nil }
      do throws(SystemError) {
        try address.requireFree()
        return nil
      } catch {
        return .listen(variable: variable, "\(listen)", error)
      }
    }
  }
}
