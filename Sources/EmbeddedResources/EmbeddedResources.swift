/// Files of the package as they were when the program was built, byte for byte.
///
/// A target of its own, so that the bytes are compiled again only when a file changes.
public enum EmbeddedResources {
  /// The contract, openapi.yaml at the top of the package.
  public static var openAPI: [UInt8] { PackageResources.openapi_yaml }
  /// The same as JSON, which scripts/proof/openapi-json makes of it.
  public static var openAPIAsJSON: [UInt8] { PackageResources.openapi_json }

  /// The parts of the page for browsers, in the folder Page.
  public enum Page {
    /// The document, which names the style page.css and the script page.js.
    public static var markup: [UInt8] { PackageResources.page_html }
    /// The style sheet.
    public static var style: [UInt8] { PackageResources.page_css }
    /// The script, put together of its files in this order.
    public static let script = Array(
      [
        PackageResources.elements_js, PackageResources.state_js, PackageResources.service_js,
        PackageResources.instrument_js, PackageResources.derivation_js, PackageResources.charts_js,
        PackageResources.programs_js, PackageResources.check_js, PackageResources.main_js,
      ].joined())
  }
}
