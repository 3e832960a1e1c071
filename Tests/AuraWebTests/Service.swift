import AuraWeb
import Testing

/// Runs a service on loopback for the time of `body`.
@discardableResult
func withService<Result>(
  _ handler: FakeHandler = FakeHandler(),
  change: (inout HTTPService.Configuration) -> Void = { _ in },
  _ body: (HTTPService) async throws -> Result
) async throws -> Result {
  var configuration = HTTPService.Configuration(
    addresses: ["127.0.0.1"], port: 0, hostName: "bar.example", mayListen: { _ in true })
  // Other tests may hold every thread for long; what is to be quick says so itself.
  configuration.limits.idleTime = .seconds(60)
  configuration.limits.requestTime = .seconds(60)
  configuration.limits.writeTime = .seconds(60)
  change(&configuration)
  let service = try await HTTPService.start(configuration, handler: handler)
  do {
    let result = try await body(service)
    await service.stop()
    return result
  } catch {
    await service.stop()
    throw error
  }
}

/// A request as a well-behaved client sends it.
struct TestRequest: CustomTestStringConvertible {
  var testDescription: String { "\(method) \(target.prefix(60)) \(fields)" }

  var method = "GET"
  var target = "/"
  var host: String? = "127.0.0.1"
  var fields: [(String, String)] = []
  var body: String?

  static func offer(_ body: String = "v=0\r\n", to target: String = "/whep/main") -> TestRequest {
    TestRequest(
      method: "POST", target: target, fields: [("Content-Type", "application/sdp")], body: body)
  }

  func with(_ name: String, _ value: String) -> TestRequest {
    var request = self
    request.fields.append((name, value))
    return request
  }

  var text: String {
    var lines = ["\(method) \(target) HTTP/1.1"]
    if let host { lines.append("Host: \(host)") }
    lines += fields.map { "\($0.0): \($0.1)" }
    if let body { lines.append("Content-Length: \(body.utf8.count)") }
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
  }

  /// Sends it on a connection of its own.
  func answer(_ service: HTTPService) async throws -> Answer {
    let client = try await RawClient(port: service.port, sending: text)
    let answer = await client.answer(toHead: method == "HEAD")
    client.close()
    return answer
  }

  /// Sends it and expects a status.
  func expect(
    _ status: Int, of service: HTTPService, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await answer(service)
    #expect(answer.status == status, sourceLocation: sourceLocation)
  }
}
