import SoftmaxCore

/// What `GET /` answers: what this is and how to call it, made from the table of endpoints.
enum Index {
  static func text(limits: Limits, version: String) -> String {
    var text = """
      softmaxd\(version.isEmpty ? "" : " \(version)"): softmax, softmax cross-entropy and its gradient over HTTP.
      Each number in an answer is correctly rounded: the binary64 nearest to the true value.

        curl localhost:8080/gradient --json '{"logits": [40, 0], "target": 0}'
        {"loss":4.248354255291589e-18,"gradient":[-4.248354255291589e-18,4.248354255291589e-18]}


      """
    for endpoint in Endpoint.allCases {
      text += """
        POST \(endpoint.path): \(endpoint.summary)
          inputs      \(inputs(of: endpoint))
          parameters  \(endpoint.parameters.map { "\($0.name) (\(Parameters.defaultText(of: $0)))" }.joined(separator: ", "))
          outputs     \(endpoint.outputs.map(\.name).joined(separator: ", ")); \
        by default \(endpoint.defaultOutputs.map(\.name).joined(separator: ", "))


        """
    }
    text += """
      logits are nested arrays of rank 1 to \(TensorShape.maximumRank), at most \(limits.logits) numbers; "-Infinity" (a \
      string) masks a class.
      "outputs": [...] chooses what is answered, and in which order.

      GET /openapi.yaml  the whole contract (OpenAPI 3.1)
      GET /livez, GET /readyz, GET /healthz, GET /metrics  for those who run the service

      """
    return text
  }

  private static func inputs(of endpoint: Endpoint) -> String {
    let required = endpoint.requiredInputs.map(\.name).joined(separator: ", ")
    let optional = endpoint.optionalInputs.map(\.name).joined(separator: ", ")
    return optional.isEmpty ? required : "\(required); if wanted \(optional)"
  }
}
