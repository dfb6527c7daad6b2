// NumericJSONTests
