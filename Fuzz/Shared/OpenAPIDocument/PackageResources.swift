/// What the package's build makes of openapi.yaml; a fuzzer has no use for the document.
enum PackageResources {
  static let openapi_yaml: [UInt8] = []
}
