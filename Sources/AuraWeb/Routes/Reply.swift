internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// What is answered to a request.
struct Reply: Sendable {
  /// Sends some bytes; waits until there is room for more.
  typealias Write = (_ bytes: [UInt8]) async throws -> Void

  var status: HTTPResponse.Status
  var fields: HTTPFields
  var body: [UInt8]
  /// The body for who takes it so.
  var compressed: [UInt8]?
  /// Instead of a body, what goes on as long as this does; cancelled when the client has left.
  var stream: (@Sendable (_ write: Write) async throws -> Void)?

  init(_ status: HTTPResponse.Status, fields: HTTPFields = [:], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// An answer in words.
  init(_ status: HTTPResponse.Status, _ sentence: String, fields: HTTPFields = [:]) {
    self.init(
      status, fields: fields, type: "text/plain; charset=utf-8", Array("\(sentence)\n".utf8))
  }

  init(
    _ status: HTTPResponse.Status, fields: HTTPFields = [:], type: String, _ body: [UInt8]
  ) {
    self.init(status, fields: fields, body: body)
    self.fields[.contentType] = type
  }

  /// Sends it as the answer to a request; the body stays here when that was HEAD.
  func write(to writer: consuming ResponseWriter, for request: Request) async throws {
    var head = HTTPResponse(status: status, headerFields: fields)
    let isForHead = request.method == .head
    var body = body
    if let compressed, Gzip.isTaken(by: request.headers[.acceptEncoding]) {
      head.headerFields[.contentEncoding] = "gzip"
      body = compressed
    }
    if let stream, !isForHead {
      var output: any ResponseBodyWriter = try await writer.writeHead(head)
      try await request.body.consumeWithCancellationOnInboundClose { _ in
        try await stream { try await output.write(ByteBuffer(bytes: $0)) }
      }
      return try await output.finish(nil)
    }
    // RFC 9110 §8.6: none where there never is a body.
    if status != .noContent { head.headerFields[.contentLength] = String(body.count) }
    let content =
      isForHead || body.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: body))
    try await writer.write(response: head, body: content)
  }

  /// With what every answer carries.
  func completed(foreignOrigin: String?) -> Reply {
    var reply = self
    reply.fields[.xContentTypeOptions] = "nosniff"
    reply.fields[.cacheControl] = reply.fields[.cacheControl] ?? "no-store"
    reply.fields[.referrerPolicy] = "no-referrer"
    reply.fields[.vary] = compressed == nil ? "Origin" : "Accept-Encoding, Origin"
    guard let foreignOrigin else {
      reply.fields[.crossOriginResourcePolicy] = "same-origin"
      return reply
    }
    reply.fields[.crossOriginResourcePolicy] = "cross-origin"
    reply.fields[.accessControlAllowOrigin] = foreignOrigin
    reply.fields[.accessControlExposeHeaders] = "Location, Retry-After"
    return reply
  }
}

extension HTTPField.Name {
  static let acceptPost = custom("Accept-Post")
  static let referrerPolicy = custom("Referrer-Policy")
  static let allowPrivateNetwork = custom("Access-Control-Allow-Private-Network")
  static let requestPrivateNetwork = custom("Access-Control-Request-Private-Network")

  private static func custom(_ name: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
    return name
  }
}
