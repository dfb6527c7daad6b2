// softmaxdTests
