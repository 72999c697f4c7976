internal import EventLoop
internal import HTTPServer
internal import System

/// Opens the sockets of one listener, or takes over those that systemd passes.
struct ListeningSockets {
  let activation: SocketActivation
  let kernel: any Kernel
  let backlog: Int
  let usesTLS: Bool

  typealias Bound = (socket: ServerSocket, address: SocketAddress)

  /// Opens one socket for each address, or several if systemd passes several of one name.
  ///
  /// - Parameter variable: the setting that errors name.
  func open(_ addresses: [ListenAddress], for variable: String) throws(StartError) -> [Bound] {
    var opened: [Bound] = []
    for listen in addresses {
      let count = opened.count
      do throws(SystemError) {
        for (descriptor, address) in try open(listen.source) {
          // Traffic of a unix socket does not leave this machine, so it needs no TLS.
          let socket = ServerSocket(
            descriptor: descriptor, expectsProxyHeader: listen.expectsProxyHeader,
            usesTLS: usesTLS && address.port != nil)
          opened.append((socket, address))
        }
      } catch {
        throw .listen(variable: variable, "\(listen)", error)
      }
      if opened.count == count, case .activation(let name) = listen.source {
        throw .socketNotPassed(variable: variable, name: name, available: activation.names)
      }
    }
    return opened
  }

  private func open(
    _ source: ListenAddress.Source
  ) throws(SystemError) -> [(descriptor: Int32, bound: SocketAddress)] {
    switch source {
    case .bind(let address, let mode): [try kernel.listen(on: address, mode: mode, backlog: backlog)]
    case .activation(let name): try activation.listening(named: name)
    }
  }
}
