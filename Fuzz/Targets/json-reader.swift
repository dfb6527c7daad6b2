import VectorKernels
import KernelDispatch
import NumericJSON

/// Any bytes, read in each way that the reader offers: all agree on whether they are JSON and where they stop being it,
/// and what reads as a tensor reads the same after it was written.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  let skipped = outcome { () throws(JSONSyntaxError) in
    var reader = JSONReader(bytes.span)
    try reader.skipValue()
    try reader.finish()
  }
  let walked = outcome { () throws(JSONSyntaxError) in
    var reader = JSONReader(bytes.span)
    try walk(&reader)
    try reader.finish()
  }
  precondition(skipped == walked)
  var reading: ParsedTensor?
  let read = outcome { () throws(JSONSyntaxError) in
    var reader = JSONReader(bytes.span)
    reading = try reader.readTensor(limits: TensorLimits(values: 64, faults: 33))
    try reader.finish()
  }
  precondition(skipped == read)
  for level in KernelLevel.allCases {
    var other: ParsedTensor?
    let outcome = outcome { () throws(JSONSyntaxError) in
      var reader = JSONReader(bytes.span, level: level)
      other = try reader.readTensor(limits: TensorLimits(values: 64, faults: 33))
      try reader.finish()
    }
    precondition(outcome == read && other?.values.map(\.bitPattern) == reading?.values.map(\.bitPattern))
    precondition(other?.extents == reading?.extents && other?.faults == reading?.faults)
  }
  guard skipped == nil, let tensor = reading else { return 0 }
  if !tensor.faults.isEmpty || tensor.isTooLarge { return 0 }
  precondition(tensor.extents.reduce(1, *) == tensor.values.count)
  var writer = JSONWriter(capacity: 0)
  writer.tensor(tensor.values.span, extents: tensor.extents.span)
  let written = writer.finish()
  precondition(written.count <= JSONWriter.capacity(forTensor: tensor.extents.span))
  var reader = JSONReader(written.span)
  guard let again = try? reader.readTensor(limits: TensorLimits(values: 64, faults: 33)) else {
    preconditionFailure("what was written is not JSON")
  }
  precondition(again.extents == tensor.extents && again.faults.isEmpty)
  for (a, b) in zip(again.values, tensor.values) { precondition(a == b || (a.isNaN && b.isNaN)) }
  return 0
}

/// By the reader's own steps; the depth is bounded by the reader.
func walk(_ reader: inout JSONReader) throws(JSONSyntaxError) {
  switch try reader.peekKind() {
  case .object:
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      precondition(name.utf8.count <= 1 << 20)
      try walk(&reader)
    }
  case .array:
    try reader.beginArray()
    while try reader.nextElement() { try walk(&reader) }
  case .string: _ = try reader.readString()
  case .number:
    let number = try reader.readNumber()
    precondition(number.value.isFinite)
  case .boolean: _ = try reader.readBoolean()
  case .null: try reader.readNull()
  }
}

func outcome(_ body: () throws(JSONSyntaxError) -> Void) -> JSONSyntaxError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}
