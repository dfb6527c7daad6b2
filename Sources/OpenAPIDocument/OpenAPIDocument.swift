/// The contract, openapi.yaml at the top of the package, as it was when the program was built.
///
/// A target of its own, so that the bytes are compiled again only when the file changes.
public enum OpenAPIDocument {
  /// The file, byte for byte.
  public static var bytes: [UInt8] { PackageResources.openapi_yaml }
}
