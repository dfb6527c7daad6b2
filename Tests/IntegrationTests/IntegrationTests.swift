import Testing

/// The built binary, driven from outside. One test at a time: each has a server of its own, and some measure time.
@Suite(.serialized) struct IntegrationTests {
  static let confident = Call.post("/gradient", #"{"logits": [40, 0], "target": 0}"#)
  static let confidentLoss = #""loss":4.248354255291589e-18"#
}
