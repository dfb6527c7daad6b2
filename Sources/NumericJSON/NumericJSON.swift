// NumericJSON
