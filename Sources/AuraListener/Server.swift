internal import AuraAudio
internal import AuraPipelines
internal import AuraWeb

extension BroadcastListener {
  /// Whom to listen to.
  public enum Server: Equatable, Sendable {
    /// Over WebRTC: `http://HOST:PORT` of an AuraLync server, whose status tells the endpoint, or the URL of any
    /// WHEP endpoint. https is spoken too; the certificates that count are the system's, or those in the file that
    /// the environment variable SSL_CERT_FILE names.
    case url(String)
    /// Over WebRTC: an AuraLync server, by the port of its page.
    case web(host: String, port: Int)
    /// AuraLync's original protocol.
    case original(host: String, port: Int)
    /// Over WebRTC at the first of these ports where an AuraLync server is; else the original protocol.
    case search(host: String, webPorts: [Int], originalPort: Int)
  }
}

extension Listener.Options {
  /// - Throws: `Failure` for a URL that is none.
  init(
    _ server: BroadcastListener.Server, backend: SoundBackend?, outputName: String?,
    buffer: Duration?, token: String?
  ) throws(BroadcastListener.Failure) {
    let (host, port, way): (String, Int, Listener.Way)
    switch server {
    case .url(let text):
      guard var url = WHEPAddress(text) else {
        throw .init(description: "\(text) is no address of HTTP.")
      }
      url.token = token
      (host, port) = (url.host, url.port)
      way = .webRTC(url.path == "/" ? .either(url) : .endpoint(url))
    case .web(let name, let number):
      let url = WHEPAddress(host: name, port: number, path: "/")
      (host, port, way) = (name, number, .webRTC(.server(url)))
    case .original(let name, let number): (host, port, way) = (name, number, .original)
    case .search(let name, let webPorts, let number):
      (host, port, way) = (name, number, .best(webPorts: webPorts))
    }
    self.init(host: host, port: port, backend: backend, outputName: outputName, buffer: buffer)
    self.way = way
  }
}
