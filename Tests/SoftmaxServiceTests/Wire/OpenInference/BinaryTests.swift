import HTTP
import Testing

@testable import SoftmaxService

struct BinaryTests {
  @Test("The worked example: 97 bytes of JSON, 16 of FP64")
  func fp64InAndOut() throws {
    let json = request(tensor("logits", "FP64", [2], bytes: 16))
    #expect(json.utf8.count == 97)
    let answer = infer("softmax", json, fp64(40, 0))
    #expect(try Inferred(answer).outputs[0].numbers == [1, 4.248354255291589e-18])
    let binary = try Inferred(
      infer("softmax", json.dropLast() + #","parameters":{"binary_data_output":true}}"#, fp64(40, 0)))
    #expect(binary.outputs[0].bytes == fp64(1, 4.248354255291589e-18))
  }

  @Test("Bytes after the JSON begin at a multiple of eight, whatever its length")
  func alignment() throws {
    for length in 0..<9 {
      let id = String(repeating: "x", count: length)
      let json = request(
        tensor("logits", "FP32", [2], bytes: 8), rest: #","id":"\#(id)","parameters":{"binary_data_output":true}"#)
      let answer = try Inferred(infer("softmax", json, fp32(0, -.infinity)))
      #expect(answer.jsonBytes % 8 == 0)
      #expect(answer.outputs[0].datatype == "FP32")
      #expect(answer.outputs[0].bytes == fp32(1, 0))
    }
  }

  @Test("JSON and binary, mixed either way; bytes come in the order of the JSON")
  func mixed() throws {
    let json = request(
      tensor("weight", "FP64", [2], bytes: 16), tensor("logits", "FP64", [2, 2], "[1,2,3,4]"),
      tensor("target", "INT32", [2], bytes: 8),
      rest: #","outputs":[{"name":"gradient","parameters":{"binary_data":true}},{"name":"loss"}]"#)
    let bytes = fp64(1, 3) + littleEndian([Int32(0), 1])
    let mixed = try Inferred(infer("gradient", json, bytes))
    let plain = try Inferred(
      infer(
        "gradient",
        request(
          tensor("weight", "FP64", [2], "[1,3]"), tensor("logits", "FP64", [2, 2], "[1,2,3,4]"),
          tensor("target", "INT32", [2], "[0,1]"))))
    #expect(mixed.outputs.map(\.name) == ["gradient", "loss"])
    #expect(mixed["loss"]?.numbers == plain["loss"]?.numbers)
    #expect(mixed["gradient"]?.bytes == littleEndian((plain["gradient"]?.numbers ?? []).map(\.bitPattern)))
  }

  @Test("An output says for itself how it is answered, else the request says it")
  func binaryOutputs() throws {
    let logits = tensor("logits", "FP64", [2], "[0,0]")
    func isBinary(_ request: String, _ output: String) throws -> Bool {
      let json =
        #"{"inputs":[\#(logits)],"parameters":{\#(request)},"outputs":[{"name":"entropy","parameters":{\#(output)}}]}"#
      return try Inferred(infer("softmax", json)).outputs[0].isBinary
    }
    #expect(try !isBinary("", ""))
    #expect(try isBinary(#""binary_data_output":true"#, ""))
    #expect(try !isBinary(#""binary_data_output":true"#, #""binary_data":false"#))
    #expect(try isBinary(#""binary_data_output":false"#, #""binary_data":true"#))
  }

  @Test("Every type of numbers is read as it is")
  func datatypes() throws {
    let cases: [(String, [UInt8])] = [
      ("INT8", [0xFF, 2]), ("UINT8", [255, 2]), ("INT16", littleEndian([Int16(-1), 2])),
      ("UINT16", littleEndian([UInt16(65_535), 2])), ("INT32", littleEndian([Int32(-1), 2])),
      ("UINT32", littleEndian([UInt32.max, 2])), ("INT64", littleEndian([1 - Int64(1) << 53, 2])),
      ("UINT64", littleEndian([UInt64(1) << 53 - 1, 2])), ("FP16", littleEndian([UInt16(0x3C00), 0xFC00])),
      ("BF16", littleEndian([UInt16(0x4220), 0xFF80])), ("FP32", fp32(1.5, -.infinity)), ("FP64", fp64(1.5, -2)),
    ]
    let numbers: [[String]] = [
      ["-1", "2"], ["255", "2"], ["-1", "2"], ["65535", "2"], ["-1", "2"], ["4294967295", "2"],
      ["-9007199254740991", "2"], ["9007199254740991", "2"], ["1", "\"-Infinity\""], ["40", "\"-Infinity\""],
      ["1.5", "\"-Infinity\""], ["1.5", "-2"],
    ]
    for ((datatype, bytes), numbers) in zip(cases, numbers) {
      let outputs = #","outputs":[{"name":"log_sum_exp"}],"parameters":{"dtype":"float64"}"#
      let answer = try Inferred(
        infer("softmax", request(tensor("logits", datatype, [2], bytes: bytes.count), rest: outputs), bytes))
      let plain = try Inferred(
        infer(
          "softmax",
          request(tensor("logits", "FP64", [2], "[\(numbers.joined(separator: ","))]"), rest: outputs)))
      #expect(answer.outputs[0].numbers == plain.outputs[0].numbers, "\(datatype)")
    }
  }

  @Test("FP16 and BF16 results are those of /softmax in that type, in JSON and in binary")
  func resultsOf16Bits() throws {
    let bits: [(String, String, [UInt16])] = [
      ("FP16", "float16", [0x3C00, 0x4000, 0xC500]), ("BF16", "bfloat16", [0x3F80, 0x4000, 0xC0A0]),
    ]
    for (datatype, dtype, logits) in bits {
      let outputs = #""outputs":[{"name":"probabilities"},{"name":"log_probabilities"}]"#
      let exact = text(
        post("/softmax", #"{"logits":[1,2,-5],"dtype":"\#(dtype)","outputs":["probabilities","log_probabilities"]}"#))
      let json = request(tensor("logits", datatype, [3], bytes: 6), rest: "," + outputs)
      let plain = try Inferred(infer("softmax", json, littleEndian(logits)))
      let binary = try Inferred(
        infer("softmax", json.dropLast() + #","parameters":{"binary_data_output":true}}"#, littleEndian(logits)))
      for (plain, binary) in zip(plain.outputs, binary.outputs) {
        #expect(plain.datatype == datatype && binary.datatype == datatype)
        #expect(exact.contains("\"\(plain.name)\":["))
        let numbers = stride(from: 0, to: 6, by: 2).map { place -> Double in
          let pattern = UInt16(binary.bytes[place]) | UInt16(binary.bytes[place + 1]) << 8
          return datatype == "FP16"
            ? Double(Float16(bitPattern: pattern)) : Double(Float(bitPattern: UInt32(pattern) << 16))
        }
        // The shortest text of 16 bits reads as another binary64 than the number itself.
        #expect(zip(numbers, plain.numbers).allSatisfy { abs($0 - $1) <= abs($0) * 0x1p-8 })
        #expect(plain.numbers.allSatisfy { exact.contains("\($0)") }, "\(exact)")
      }
    }
  }

  /// 2^53 and 2^53 + 1 are one number of binary64, so that neither is taken.
  @Test(arguments: ["INT64", "UINT64"], [1 << 53, 1 << 53 + 1, .max, -(1 << 53), -(1 << 53) - 1, .min] as [Int64])
  func wholeNumbersThatBinary64DoesNotTellApartAreRefused(_ datatype: String, _ number: Int64) throws {
    let unsigned = UInt64(bitPattern: number)
    let bytes = littleEndian([0, unsigned])
    let answer = infer("softmax", request(tensor("logits", datatype, [2], bytes: 16)), bytes)
    #expect(try #require(errorText(answer)).hasPrefix("inputs[0].data[1] is beyond ±(2^53 - 1)"))
    let text = datatype == "INT64" ? "\(number)" : "\(unsigned)"
    let written = infer("softmax", request(tensor("logits", datatype, [2], "[0,\(text)]")))
    #expect(try #require(errorText(written)).hasPrefix("inputs[0].data[1] is beyond ±(2^53 - 1)"))
  }

  @Test(arguments: [("INT64", "NaN"), ("INT64", "0.5"), ("UINT64", "-1"), ("INT64", "-Infinity")])
  func whatATypeOfWholeNumbersDoesNotHoldIsRefused(_ datatype: String, _ word: String) throws {
    let answer = infer("softmax", request(tensor("logits", datatype, [2], "[0,\(word)]")))
    let least = datatype == "INT64" ? "-9007199254740991" : "0"
    #expect(
      try #require(errorText(answer)).hasSuffix("send whole numbers from \(least) to 9007199254740991 as \(datatype)"))
  }

  @Test("Bytes need no alignment, and large tensors are read and written in parts")
  func largeTensors() throws {
    let count = 300_001
    let logits = (0..<count).map { Float($0 % 1000) / 8 }
    for padding in 0..<4 {
      let json = request(
        tensor("logits", "FP32", [count], bytes: 4 * count),
        rest: #","parameters":{"binary_data_output":true}"# + String(repeating: " ", count: padding))
      let answer = try Inferred(infer("softmax", json, littleEndian(logits.map(\.bitPattern))))
      let sum = stride(from: 0, to: 4 * count, by: 4).reduce(0.0) { sum, place in
        let bytes = answer.outputs[0].bytes[place..<place + 4]
        return sum + Double(Float(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }))
      }
      #expect(abs(sum - 1) < 1e-6)
    }
  }

  @Test(
    "The header's length, in all its forms",
    arguments: [
      ("97", 97, nil), ("113", 97, "Inference-Header-Content-Length is 113, but the JSON ends at byte 97; send 97"),
      ("96", 97, "is 96, but the JSON ends at byte 97; send 97"),
      ("98", 97, "is 98, but the JSON ends at byte 97; send 97"),
      ("114", 97, "is \"114\", but the body has 113 bytes"),
      ("-1", 97, "is \"-1\"; it must be the number of bytes of the JSON, in digits"), ("", 97, "in digits"),
      ("97, 97", 97, "in digits"), ("0x61", 97, "in digits"), ("+97", 97, "in digits"), ("9 7", 97, "in digits"),
      ("99999999999999999999", 97, "is \"99999999999999999999\", but the body has 113 bytes"),
      ("9223372036854775808", 97, "but the body has 113 bytes; send the length of its JSON"),
      ("18446744073709551713", 97, "but the body has 113 bytes"), ("4294967393", 97, "but the body has 113 bytes"),
    ] as [(String, Int, String?)])
  func headerLengths(_ value: String, _ length: Int, _ sentence: String?) throws {
    let json = request(tensor("logits", "FP64", [2], bytes: 16))
    #expect(json.utf8.count == length)
    let head = RequestHead(
      .post, "/v2/models/softmax/infer", fields: [.inferenceHeaderContentLength: value])
    let answer = ask(head, Array(json.utf8) + fp64(1, 2))
    guard let sentence else {
      #expect(answer.status == .ok)
      return
    }
    #expect(answer.status == .badRequest)
    #expect(try #require(errorText(answer)).contains(sentence))
  }

  @Test("Without the header, the length to send is named")
  func aMissingHeader() throws {
    let json = request(tensor("logits", "FP64", [2], bytes: 16))
    let answer = ask(RequestHead(.post, "/v2/models/softmax/infer"), Array(json.utf8) + fp64(1, 2))
    #expect(try #require(errorText(answer)).contains("send Inference-Header-Content-Length: 97"))
    let twice: Fields = [.inferenceHeaderContentLength: "97", .inferenceHeaderContentLength: "97"]
    #expect(infer("softmax", json, fp64(1, 2), fields: twice).status == .badRequest)
  }

  @Test("0 says that the body is one tensor")
  func aRawTensor() throws {
    let raw: Fields = [.inferenceHeaderContentLength: "0"]
    let answer = try Inferred(ask(RequestHead(.post, "/v2/models/softmax/infer", fields: raw), fp64(40, 0)))
    #expect(answer.outputs[0].bytes == fp64(1, 4.248354255291589e-18))
    #expect(answer.outputs[0].shape == [2])
    for count in [0, 1, 9] {
      let short = ask(RequestHead(.post, "/v2/models/softmax/infer", fields: raw), Array(fp64(1, 2).prefix(count)))
      #expect(try #require(errorText(short)).contains("the bytes are \(count)"))
    }
    let two = ask(RequestHead(.post, "/v2/models/loss/infer", fields: raw), fp64(1, 2))
    #expect(try #require(errorText(two)).contains("\"logits\" and \"target\""))
  }

  @Test(
    "Sizes that do not fit",
    arguments: [
      (tensor("logits", "FP64", [2], bytes: 12), 16, "which means 2 numbers, or 16 bytes; the bytes are 12"),
      (
        tensor("logits", "FP64", [2], bytes: 16), 8, "inputs[0].parameters.binary_data_size is 16, but 8 bytes are left"
      ),
      // Where the second begins, nobody knows then; it is not read.
      (
        tensor("logits", "FP64", [1], bytes: 8) + "," + tensor("where", "BOOL", [1], bytes: 1), 0,
        "inputs[0].parameters.binary_data_size is 8, but 0 bytes are left"
      ),
      (tensor("logits", "FP64", [2], bytes: 16), 24, "8 bytes follow the last tensor"),
      (
        tensor("logits", "FP64", [2], bytes: -16), 16,
        "binary_data_size is -16; it must be a whole number of at least 0"
      ),
      (tensor("logits", "FP64", [2], bytes: 1 << 62), 16, "but 16 bytes are left"),
      // Booleans have numbers copied: memory is asked for those that are there.
      (
        tensor("logits", "FP64", [2], bytes: 16) + "," + tensor("where", "BOOL", [2], bytes: 1 << 62), 16,
        "inputs[1].parameters.binary_data_size is 4611686018427387904, but 0 bytes are left"
      ),
      (
        tensor("logits", "FP64", [2], bytes: .max), 16,
        "binary_data_size is more than any body holds; it must be a whole"
      ),
      (tensor("logits", "FP64", [2], bytes: 2), 1, "but 1 byte is left"),
      (tensor("logits", "UINT8", [1], bytes: 1), 2, "1 byte follows the last tensor"),
      (tensor("logits", "BYTES", [2], bytes: 16), 16, "inputs[0].datatype is BYTES"),
      (
        #"{"name":"logits","shape":[1],"datatype":"FP64","data":[1],"parameters":{"binary_data_size":8}}"#, 8,
        "inputs[0] has both \"data\" and \"parameters.binary_data_size\"; send its numbers once"
      ),
      (#"{"name":"logits","shape":[1],"datatype":"FP64","data":[1]}"#, 8, "8 bytes follow the last tensor"),
      (
        #"{"name":"logits","shape":[0],"datatype":"FP32","data":null,"parameters":{"binary_data_size":0}}"#, 8,
        "inputs[0].shape[0] is 0"
      ),
    ])
  func wrongSizes(_ tensor: String, _ count: Int, _ sentence: String) throws {
    let answer = infer("softmax", request(tensor), [UInt8](repeating: 0, count: count))
    #expect(answer.status == .badRequest)
    #expect(try #require(errorText(answer)).contains(sentence))
  }

  @Test("NaN and +Infinity are named by their flat place and by their indices")
  func numbersThatAreNoLogits() throws {
    let json = request(tensor("logits", "FP32", [2, 2], bytes: 16))
    for value in [Float.nan, .infinity] {
      let answer = infer("softmax", json, fp32(0, 0, value, 0))
      #expect(try #require(errorText(answer)).hasPrefix("inputs[0].data[2]: logits[1][0] is "))
    }
    let masked = infer("softmax", json, fp32(0, 0, -.infinity, -.infinity))
    #expect(try #require(errorText(masked)).hasPrefix("inputs[0]: logits[1] masks every class"))
  }
}
