/// What the package's build makes of the files to embed; a fuzzer has no use for them.
enum PackageResources {
  static let openapi_yaml: [UInt8] = []
  static let openapi_json: [UInt8] = []
  static let page_html: [UInt8] = []
  static let page_css: [UInt8] = []
  static let elements_js: [UInt8] = []
  static let state_js: [UInt8] = []
  static let service_js: [UInt8] = []
  static let instrument_js: [UInt8] = []
  static let derivation_js: [UInt8] = []
  static let charts_js: [UInt8] = []
  static let programs_js: [UInt8] = []
  static let check_js: [UInt8] = []
  static let main_js: [UInt8] = []
}
