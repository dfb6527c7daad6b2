#if arch(x86_64)
  public import VectorKernels

  /// The vector loops, compiled with the flags of the module that this file is in: VectorKernelsV3 for x86-64-v3 (AVX2
  /// and FMA), VectorKernelsV4, by a link to this file, for x86-64-v4 (AVX-512).
  public enum Loops: VectorLoops {
    public typealias Multiplier = FusedMultiplier

    public static func shortestDecimals(
      of values: Span<Double>, from start: Int, format: BinaryFormat, _ tables: TextTables,
      into block: inout DecimalBlock
    ) -> Bool {
      decimals(of: values, from: start, format: format, tables, into: &block)
    }

    public static func layOutDigits(of block: inout DecimalBlock) { layOut(&block) }

    public static func writeTexts(
      of block: UnsafePointer<DecimalBlock>, _ lanes: Range<Int>, _ tables: TextTables,
      to start: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
      unsafe texts(of: block, lanes, tables, to: start)
    }

    public static func readShortNumbers(
      _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, into values: inout OutputSpan<Double>
    ) {
      shortNumbers(text, &position, limit: limit, rows: rows, into: &values)
    }
  }
#endif
